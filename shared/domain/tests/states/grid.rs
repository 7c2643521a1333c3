//! Grids of words: rows are states, columns are facts, blocks stand side by side where one would be too wide.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Compares a grid with what `decide` does. It must have every row and every column, and no other.
#[track_caller]
pub(crate) fn check(grid: &str, rows: &[String], columns: &[&str], mut cell: impl FnMut(&str, &str) -> String) {
    let mut expected = read(grid);
    let mut actual: BTreeMap<(String, String), String> = BTreeMap::new();
    for row in rows {
        for column in columns {
            actual.insert((row.clone(), (*column).to_owned()), cell(row, column));
        }
    }
    if expected == actual {
        return;
    }
    let mut differences = String::new();
    for (place, word) in &actual {
        let told = expected.remove(place).unwrap_or_else(|| "nothing".to_owned());
        if told != *word {
            writeln!(differences, "{} x {}: the grid says {told}, decide says {word}", place.0, place.1).unwrap();
        }
    }
    for (row, column) in expected.keys() {
        writeln!(differences, "{row} x {column}: there is no such state or fact").unwrap();
    }
    panic!("{differences}\ndecide, as a grid:\n{}", written(rows, columns, &actual));
}

fn read(grid: &str) -> BTreeMap<(String, String), String> {
    let mut cells = BTreeMap::new();
    let mut columns: Vec<&str> = Vec::new();
    for line in grid.lines().map(str::trim) {
        let mut words = line.split_whitespace();
        match words.next() {
            None => columns.clear(),
            Some("state") => columns = words.collect(),
            Some(state) => {
                let words: Vec<&str> = words.collect();
                assert_eq!(words.len(), columns.len(), "{line}");
                for (column, word) in columns.iter().zip(words) {
                    let twice = cells.insert((state.to_owned(), (*column).to_owned()), word.to_owned());
                    assert_eq!(twice, None, "{state} x {column} is there twice");
                }
            }
        }
    }
    cells
}

fn written(rows: &[String], columns: &[&str], cells: &BTreeMap<(String, String), String>) -> String {
    let word = |row: &str, column: &str| cells[&(row.to_owned(), column.to_owned())].clone();
    let width = |column: &str| rows.iter().map(|row| word(row, column).len()).chain([column.len()]).max().unwrap() + 1;
    let first = rows.iter().map(String::len).chain([5]).max().unwrap() + 1;
    let line = |head: &str, cell: &dyn Fn(&str) -> String| {
        let cells: String = columns.iter().map(|column| format!("{:1$}", cell(column), width(column))).collect();
        format!("    {head:first$}{}\n", cells.trim_end())
    };
    let mut text = line("state", &|column| column.to_owned());
    for row in rows {
        text.push_str(&line(row, &|column| word(row, column)));
    }
    text
}
