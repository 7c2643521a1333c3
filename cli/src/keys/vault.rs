//! Secrets by their versions: what was read can be replaced, and nothing that somebody else has put there since.
//!
//! Secrets Manager puts whatever comes last in force. It moves the label `AWSCURRENT` from the version that is named alone, though:
//! a new version is hence put without it, and gets it in a second step, from the version that was read.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use domain::Timestamp;
use setup::Misconfigured;

const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";
/// As rotations of Secrets Manager's own call what is not in force yet.
const PENDING: &str = "AWSPENDING";

const SOMEBODY_ELSE: &str = "somebody else has changed it since it was read, and that stands: give the command again";

const EMPTY: &str = "is there without a value, as the console makes it: delete it, and give the command again";

/// The store, version by version.
#[derive(Clone, Debug)]
pub(super) struct Vault {
    client: Client,
}

/// What a secret held when it was read.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) text: String,
    id: String,
    /// When it was put there, if the store tells.
    pub(super) created: Option<Timestamp>,
}

impl Vault {
    pub(super) fn new(client: Client) -> Self {
        Self { client }
    }

    /// What is in force.
    pub(super) async fn current(&self, name: &str) -> Result<Option<Version>, Misconfigured> {
        self.get(name, CURRENT).await
    }

    /// What was in force before.
    pub(super) async fn previous(&self, name: &str) -> Result<Option<Version>, Misconfigured> {
        self.get(name, PREVIOUS).await
    }

    /// Puts a text in force, in the place of the version that was `read`, or where there was none.
    pub(super) async fn put(&self, name: &str, text: &str, read: Option<&Version>) -> Result<(), Misconfigured> {
        match read {
            Some(read) => self.replace(name, text, read).await,
            None => self.create(name, text).await,
        }
    }

    async fn create(&self, name: &str, text: &str) -> Result<(), Misconfigured> {
        let Err(error) = self.client.create_secret().name(name).secret_string(text).send().await else {
            return Ok(());
        };
        let is_there = error.code() == Some("ResourceExistsException");
        if is_there && self.current(name).await?.is_none() {
            return Err(Misconfigured::new(name, EMPTY));
        }
        Err(refused(name, "secretsmanager:CreateSecret", error.code()))
    }

    async fn replace(&self, name: &str, text: &str, read: &Version) -> Result<(), Misconfigured> {
        let put =
            self.client.put_secret_value().secret_id(name).secret_string(text).version_stages(PENDING).send().await;
        let put = put.map_err(|error| refused(name, "secretsmanager:PutSecretValue", error.code()))?;
        let ours = put.version_id.ok_or_else(|| Misconfigured::new(name, "the store did not name the new version"))?;
        let promote = self.client.update_secret_version_stage().secret_id(name).version_stage(CURRENT);
        let Err(error) = promote.move_to_version_id(&ours).remove_from_version_id(&read.id).send().await else {
            return Ok(());
        };
        match self.current(name).await? {
            // Of two tries the first may have done it, and its answer may be lost.
            Some(current) if current.id == ours => Ok(()),
            Some(current) if current.id != read.id => Err(Misconfigured::new(name, SOMEBODY_ELSE)),
            _ => Err(refused(name, "secretsmanager:UpdateSecretVersionStage", error.code())),
        }
    }

    async fn get(&self, name: &str, label: &str) -> Result<Option<Version>, Misconfigured> {
        let wrong = |problem: &str| Misconfigured::new(name, problem);
        match self.client.get_secret_value().secret_id(name).version_stage(label).send().await {
            Ok(output) => {
                let created = output.created_date().and_then(|date| Timestamp::from_second(date.secs()).ok());
                let text = output.secret_string.ok_or_else(|| wrong("has no text"))?;
                let id = output.version_id.ok_or_else(|| wrong("has no version"))?;
                Ok(Some(Version { text, id, created }))
            }
            Err(error)
                if error.as_service_error().is_some_and(GetSecretValueError::is_resource_not_found_exception) =>
            {
                Ok(None)
            }
            Err(error) => Err(wrong(error.code().unwrap_or("not reachable"))),
        }
    }
}

fn refused(name: &str, permission: &str, code: Option<&str>) -> Misconfigured {
    match code {
        Some("ResourceExistsException") => Misconfigured::new(name, SOMEBODY_ELSE),
        Some("AccessDeniedException") => {
            Misconfigured::new(name, format_args!("is as it was: these credentials may not ask for {permission}"))
        }
        Some(code) => Misconfigured::new(name, code),
        None => Misconfigured::new(name, "not reachable"),
    }
}
