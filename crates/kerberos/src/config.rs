//! `krb5.conf`: which realm, which KDC.

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use alloc::vec::Vec;

use crate::KerberosError;

/// What `krb5.conf` says, as far as a client asks it. Of what is said twice, the first counts.
#[derive(Debug, Clone, Default)]
pub struct Krb5Config {
    relations: Vec<Relation>,
}

/// `name = value` within a section, and within braces.
#[derive(Debug, Clone)]
struct Relation {
    /// Section, what stands before the braces, name.
    path: Vec<String>,
    value: String,
}

/// A line that takes in another file, or all of a folder's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Include {
    /// The file, or the folder.
    pub path: String,
    /// Whether it is a folder: of this one, only the files count whose names are of letters, digits, hyphens and underscores alone, or end in `.conf`.
    pub is_folder: bool,
    before: usize,
}

impl Krb5Config {
    /// Reads a file's text. What it includes is for the caller to read and [`insert`](Self::insert), from the last to the first.
    ///
    /// # Errors
    ///
    /// [`KerberosError::Config`] with the line.
    pub fn parse(text: &str) -> Result<(Self, Vec<Include>), KerberosError> {
        let (mut relations, mut includes) = (Vec::new(), Vec::new());
        let mut path: Vec<String> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let wrong = |reason| KerberosError::Config { line: index + 1, reason };
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(include) = directive(line, relations.len()) {
                includes.extend(include);
            } else if let Some(rest) = line.strip_prefix('[') {
                let (name, _) = rest.split_once(']').ok_or(wrong("a `]` is missing"))?;
                path = [name.trim().to_owned()].into();
            } else if line.starts_with('}') {
                if path.len() < 2 {
                    return Err(wrong("there is no brace to close"));
                }
                path.pop();
            } else {
                let (name, value) = line.split_once('=').ok_or(wrong("a `=` is missing"))?;
                if path.is_empty() {
                    return Err(wrong("a section in brackets must come first"));
                }
                let name = name.trim().trim_end_matches('*').to_owned();
                let value = value.trim();
                if value.starts_with('{') {
                    // Deeper than anything means something.
                    if path.len() > 8 {
                        return Err(wrong("the braces are too deep"));
                    }
                    path.push(name);
                    continue;
                }
                let path = path.iter().cloned().chain([name]).collect();
                relations.push(Relation { path, value: unquoted(value) });
            }
        }
        Ok((Self { relations }, includes))
    }

    /// Puts in what an included file says, in its line's place.
    pub fn insert(&mut self, include: &Include, included: Self) {
        let at = include.before.min(self.relations.len());
        self.relations.splice(at..at, included.relations);
    }

    /// Takes another file behind this one, as where `KRB5_CONFIG` names several.
    pub fn append(&mut self, other: Self) {
        self.relations.extend(other.relations);
    }

    /// The realm of names without one.
    pub fn default_realm(&self) -> Option<&str> {
        self.first(&["libdefaults", "default_realm"])
    }

    /// Where tickets are kept, such as `FILE:/a/krb5cc_%{uid}`.
    pub fn default_cache(&self) -> Option<&str> {
        self.first(&["libdefaults", "default_ccache_name"])
    }

    /// Where a realm's KDCs are: host, or host and port, in the order to try them.
    pub fn kdcs(&self, realm: &str) -> Vec<&str> {
        let of = |name| self.all(&["realms", realm, name]);
        let words = ["kdc", "primary_kdc", "master_kdc"].into_iter().flat_map(of);
        words.flat_map(str::split_ascii_whitespace).collect()
    }

    /// The realm of a host: its own, else that of the nearest domain.
    pub fn realm_of_host(&self, host: &str) -> Option<&str> {
        let of = |name: &str| {
            let entries = self
                .relations
                .iter()
                .filter(|relation| relation.path.len() == 2 && relation.path[0] == "domain_realm");
            let mut found = entries.filter(|relation| relation.path[1].eq_ignore_ascii_case(name));
            found.next().map(|relation| relation.value.as_str())
        };
        of(host).or_else(|| host.match_indices('.').find_map(|(at, _)| of(&host[at..])))
    }

    fn first(&self, path: &[&str]) -> Option<&str> {
        self.all(path).first().copied()
    }

    fn all(&self, path: &[&str]) -> Vec<&str> {
        let found = self.relations.iter().filter(|relation| relation.path == path);
        found.map(|relation| relation.value.as_str()).collect()
    }
}

/// Inside: what it includes; `module` takes in nothing that can be read here.
fn directive(line: &str, before: usize) -> Option<Option<Include>> {
    let (word, path) = line.split_once(char::is_whitespace)?;
    let is_folder = match word {
        "include" => false,
        "includedir" => true,
        "module" => return Some(None),
        _ => return None,
    };
    // `include = …` in a section is none.
    let path = path.trim();
    (!path.starts_with('=')).then(|| Some(Include { path: path.to_owned(), is_folder, before }))
}

fn unquoted(value: &str) -> String {
    let Some(quoted) = value.strip_prefix('"') else { return value.to_owned() };
    let (mut text, mut characters) = (String::new(), quoted.chars());
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' => text.extend(characters.next()),
            other => text.push(other),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# a comment
includedir /etc/krb5.conf.d/
[libdefaults]
  default_realm = EXAMPLE.COM
  default_realm = OTHER.COM
  default_ccache_name = \"FILE:/a/a \\\" b\"

[realms]
  EXAMPLE.COM = {
    kdc = kdc1.example.com
    kdc* = kdc2.example.com:750
    v4_instance_convert = {
      a = b
    }
    admin_server = kdc1.example.com
  }
  EMPTY.COM = {
  }
[domain_realm]
  .example.com = EXAMPLE.COM
  .sub.example.com = SUB.COM
  Odd.example.com = ODD.COM
";

    #[test]
    fn realms_kdcs_and_hosts_are_found() {
        let (config, includes) = Krb5Config::parse(TEXT).unwrap();
        assert_eq!(config.default_realm(), Some("EXAMPLE.COM"));
        assert_eq!(config.default_cache(), Some("FILE:/a/a \" b"));
        assert_eq!(config.kdcs("EXAMPLE.COM"), ["kdc1.example.com", "kdc2.example.com:750"]);
        assert!(config.kdcs("EMPTY.COM").is_empty());
        for (host, realm) in [
            ("a.example.com", Some("EXAMPLE.COM")),
            ("a.b.sub.example.com", Some("SUB.COM")),
            ("odd.EXAMPLE.com", Some("ODD.COM")),
            ("example.com", None),
            ("localhost", None),
        ] {
            assert_eq!(config.realm_of_host(host), realm, "{host}");
        }
        assert_eq!(includes.len(), 1);
        assert!(includes[0].is_folder && includes[0].path == "/etc/krb5.conf.d/");
    }

    #[test]
    fn what_is_included_counts_from_its_own_line_on() {
        let (mut config, includes) = Krb5Config::parse(TEXT).unwrap();
        let (included, _) = Krb5Config::parse("[libdefaults]\ndefault_realm = FIRST.COM").unwrap();
        config.insert(&includes[0], included.clone());
        assert_eq!(config.default_realm(), Some("FIRST.COM"));
        let (mut config, _) = Krb5Config::parse(TEXT).unwrap();
        config.append(included);
        assert_eq!(config.default_realm(), Some("EXAMPLE.COM"));
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named() {
        for (text, line) in [
            ("[libdefaults", 1),
            ("a = b", 1),
            ("[a]\n\nb", 3),
            ("[a]\n}", 2),
            (&["[a]\n", &"b = {\n".repeat(9)].concat(), 10),
        ] {
            let error = Krb5Config::parse(text).unwrap_err();
            assert!(
                matches!(error, KerberosError::Config { line: found, .. } if found == line),
                "{error}"
            );
        }
    }
}
