//! A key and the one beside it, whatever it is for: staged, put in force, retired, and never a third one lost.

use setup::Misconfigured;
use setup::layout::Generation;

/// What a key is called.
#[derive(Clone, Copy)]
pub(super) struct Names<'a> {
    /// The field of the secret.
    pub(super) field: &'a str,
    /// What `papay keys` has before and behind the verb.
    pub(super) around_verb: (&'a str, &'a str),
}

impl Names<'_> {
    fn command(self, verb: &str) -> String {
        let (before, behind) = self.around_verb;
        let words = ["papay keys", before, verb, behind];
        words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

/// Puts the first key.
pub(super) fn import(place: &mut Option<Generation>, text: String, names: Names<'_>) -> Result<bool, Misconfigured> {
    match place {
        Some(known) if known.current == text => Ok(false),
        Some(_) => {
            let problem = format!("another one is in force: {} puts the next one beside it", names.command("stage"));
            Err(Misconfigured::new(names.field, problem))
        }
        none => {
            *none = Some(Generation { current: text, previous: None });
            Ok(true)
        }
    }
}

/// Puts the next key beside the one in force.
pub(super) fn stage(generation: &mut Generation, new: String, names: Names<'_>) -> Result<(), Misconfigured> {
    room(generation, &new, names)?;
    generation.previous = Some(new);
    Ok(())
}

/// Puts a key in force and the one that was beside it; without a new one the two change places.
pub(super) fn rotate(generation: &mut Generation, new: Option<String>, names: Names<'_>) -> Result<(), Misconfigured> {
    let new = match (new, &generation.previous) {
        (Some(new), _) => {
            room(generation, &new, names)?;
            new
        }
        (None, Some(beside)) => beside.clone(),
        (None, None) => {
            let problem = format!("no other key is there: {}, first", names.command("stage"));
            return Err(Misconfigured::new(format!("{}.previous", names.field), problem));
        }
    };
    let old = std::mem::replace(&mut generation.current, new);
    generation.previous = Some(old);
    Ok(())
}

/// Takes away the key beside the one in force.
pub(super) fn retire(generation: &mut Generation, names: Names<'_>) -> Result<(), Misconfigured> {
    let missing = || Misconfigured::new(format!("{}.previous", names.field), "there is none to retire");
    generation.previous.take().map(drop).ok_or_else(missing)
}

/// The place beside the key in force must be free for another one.
fn room(generation: &Generation, new: &str, names: Names<'_>) -> Result<(), Misconfigured> {
    if generation.current == new {
        return Err(Misconfigured::new(names.field, "this is the key in force already"));
    }
    match &generation.previous {
        Some(previous) if previous != new => {
            let problem = format!("another key stands beside the one in force: {}, first", names.command("retire"));
            Err(Misconfigured::new(format!("{}.previous", names.field), problem))
        }
        _ => Ok(()),
    }
}
