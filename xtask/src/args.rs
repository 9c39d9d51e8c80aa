//! A command's arguments: flags with and without values, and the words between them.

use std::str::FromStr;

use crate::Result;

/// Arguments not yet asked for. Ask for each flag, then for the words, then call
/// [`Args::finish`], which refuses whatever nobody asked for.
pub(crate) struct Args {
    rest: Vec<String>,
}

impl Args {
    pub(crate) fn new(args: &[String]) -> Self {
        Self { rest: args.to_vec() }
    }

    /// Takes `--help` or `-h`; says whether either was there.
    pub(crate) fn help(&mut self) -> bool {
        self.flag("--help") || self.flag("-h")
    }

    /// Takes `--name`; says whether it was there.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let position = self.rest.iter().position(|arg| arg == name);
        position.map(|position| self.rest.remove(position)).is_some()
    }

    /// Takes `--name VALUE` or `--name=VALUE`.
    pub(crate) fn value<T: FromStr>(&mut self, name: &str) -> Result<Option<T>> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        match text.parse() {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(format!("{name}: `{text}` is not what it takes").into()),
        }
    }

    /// As [`Args::value`], for a flag that must be there.
    pub(crate) fn required<T: FromStr>(&mut self, name: &str) -> Result<T> {
        self.value(name)?.ok_or_else(|| format!("{name} VALUE is missing").into())
    }

    /// Takes every `--name KEY=VALUE`.
    pub(crate) fn pairs(&mut self, name: &str) -> Result<Vec<(String, String)>> {
        let mut pairs = Vec::new();
        while let Some(text) = self.text(name)? {
            let pair = text.split_once('=').ok_or(format!("{name} {text}: KEY=VALUE is wanted"))?;
            pairs.push((pair.0.to_owned(), pair.1.to_owned()));
        }
        Ok(pairs)
    }

    /// Takes the next word; `what` names it if there is none.
    pub(crate) fn word(&mut self, what: &str) -> Result<String> {
        self.optional_word().ok_or_else(|| format!("{what} is missing").into())
    }

    /// Takes the next word, if there is one; what begins with `-` is none.
    pub(crate) fn optional_word(&mut self) -> Option<String> {
        let position = self.rest.iter().position(|arg| !arg.starts_with('-'))?;
        Some(self.rest.remove(position))
    }

    /// Takes everything that is left.
    pub(crate) fn remaining(self) -> Vec<String> {
        self.rest
    }

    /// Refuses what is left.
    pub(crate) fn finish(self) -> Result {
        match self.rest.first() {
            None => Ok(()),
            Some(arg) => Err(format!("`{arg}` means nothing here; --help says what does").into()),
        }
    }

    fn text(&mut self, name: &str) -> Result<Option<String>> {
        for position in 0..self.rest.len() {
            if self.rest[position] == name {
                if position + 1 == self.rest.len() {
                    return Err(format!("{name} wants a value").into());
                }
                self.rest.remove(position);
                return Ok(Some(self.rest.remove(position)));
            }
            let inline = self.rest[position].strip_prefix(name).and_then(|r| r.strip_prefix('='));
            if let Some(value) = inline.map(str::to_owned) {
                self.rest.remove(position);
                return Ok(Some(value));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Args {
        Args::new(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn takes_flags_values_pairs_and_words_in_any_order() {
        let mut args = args("--a 1 word --b=2 --x k=v --c other --x l==w");
        assert_eq!(args.value::<u32>("--a").unwrap(), Some(1));
        assert_eq!(args.required::<u32>("--b").unwrap(), 2);
        assert!(args.flag("--c"));
        assert!(!args.flag("--d"));
        let pairs = [("k".to_owned(), "v".to_owned()), ("l".to_owned(), "=w".to_owned())];
        assert_eq!(args.pairs("--x").unwrap(), pairs);
        assert_eq!(args.word("A").unwrap(), "word");
        assert_eq!(args.optional_word().unwrap(), "other");
        assert!(args.finish().is_ok());
    }

    #[test]
    fn help_is_asked_for_by_either_name_and_anywhere() {
        assert!(args("word --help").help());
        assert!(args("-h --flag").help());
        assert!(!args("help --helpful").help());
    }

    #[test]
    fn refuses_what_nobody_asked_for_and_what_does_not_fit() {
        assert!(args("--unknown").finish().is_err());
        let mut flag = args("-j1");
        assert_eq!(flag.optional_word(), None);
        assert!(flag.finish().is_err());
        assert!(args("--a").value::<u32>("--a").is_err());
        assert!(args("--a x").value::<u32>("--a").is_err());
        assert!(args("--x novalue").pairs("--x").is_err());
        assert!(args("").required::<u32>("--a").is_err());
    }
}
