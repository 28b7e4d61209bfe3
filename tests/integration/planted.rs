//! The bugs that `tests/planted/run` plants can be planted: whoever changes the text that one
//! stands in for changes it too.

use std::collections::BTreeMap;

const LISTS: [&str; 2] =
    [include_str!("../planted/bugs"), include_str!("../planted/delivery_bugs")];

/// Name, file, the text that is replaced.
fn bugs(list: &str) -> Vec<(String, String, String)> {
    let (mut found, mut lines) = (Vec::new(), list.lines());
    while let Some(line) = lines.next() {
        let Some((name, _)) = line.strip_prefix("# ").and_then(|rest| rest.split_once(':')) else {
            continue;
        };
        let file = lines.next().expect("a file follows the name");
        assert_eq!(lines.next(), Some("<<<"), "{name}");
        let old: String = lines
            .by_ref()
            .take_while(|line| *line != "===")
            .flat_map(|line| [line, "\n"])
            .collect();
        let new: String = lines
            .by_ref()
            .take_while(|line| *line != ">>>")
            .flat_map(|line| [line, "\n"])
            .collect();
        assert_ne!(old, new, "{name} changes nothing");
        found.push((name.to_owned(), file.to_owned(), old));
    }
    found
}

#[test]
fn each_planted_bug_stands_in_for_a_text_that_is_once_in_its_file() {
    for list in LISTS {
        let bugs = bugs(list);
        assert!(bugs.len() >= 15, "{} bugs", bugs.len());
        let mut names = BTreeMap::new();
        for (name, file, old) in bugs {
            let text = std::fs::read_to_string(&file);
            let text = text.unwrap_or_else(|cause| panic!("{file}: {cause}"));
            assert_eq!(text.matches(&old).count(), 1, "{name}, in {file}:\n{old}");
            assert_eq!(names.insert(name.clone(), file), None, "{name} is there twice");
        }
    }
}
