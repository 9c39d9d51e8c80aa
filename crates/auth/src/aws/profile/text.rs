//! The format of AWS' profiles: sections of names and values.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

/// Profiles, by name.
#[derive(Default)]
pub(super) struct Profiles(BTreeMap<String, BTreeMap<String, Zeroizing<String>>>);

impl Profiles {
    /// Adds those of a file's text; what was there before gives way. In the file `config` a profile's section is called `profile <name>`, but for
    /// `default`.
    pub(super) fn add(&mut self, text: &str, is_config: bool) {
        let mut section: Option<String> = None;
        for line in text.lines() {
            // What is indented belongs to a setting of several parts, none of which matters here.
            if line.starts_with([' ', '\t']) || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(rest) = line.strip_prefix('[') {
                let name = rest.split(']').next().unwrap_or_default().trim();
                section = profile(name, is_config).map(str::to_owned);
                if let Some(name) = &section {
                    self.0.entry(name.clone()).or_default();
                }
            } else if let Some((section, (name, value))) =
                section.as_ref().zip(line.split_once('='))
            {
                let value = Zeroizing::new(uncommented(value).trim().to_owned());
                let profile = self.0.entry(section.clone()).or_default();
                profile.insert(name.trim().to_ascii_lowercase(), value);
            }
        }
    }

    /// A value that is not empty.
    pub(super) fn get(&self, profile: &str, name: &str) -> Option<&str> {
        let value: &str = self.0.get(profile)?.get(name)?;
        (!value.is_empty()).then_some(value)
    }

    /// Whether one of its settings begins like this.
    pub(super) fn any(&self, profile: &str, prefix: &str) -> bool {
        self.0
            .get(profile)
            .is_some_and(|profile| profile.keys().any(|name| name.starts_with(prefix)))
    }
}

fn profile(section: &str, is_config: bool) -> Option<&str> {
    match section.split_once([' ', '\t']) {
        Some(("profile", name)) if is_config => Some(name.trim().trim_matches('"')),
        _ if section == "default" || !is_config => Some(section),
        _ => None,
    }
}

/// A comment begins after a blank.
fn uncommented(value: &str) -> &str {
    let ends = [" #", "\t#", " ;", "\t;"].iter().filter_map(|mark| value.find(mark)).min();
    &value[..ends.unwrap_or(value.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_read_as_aws_reads_them() {
        let mut profiles = Profiles::default();
        profiles.add(
            "# comment\nlost = 1\n[default]\nregion = eu-central-1 # near\ns3 =\n  max = 4\n[profile dev]\nRole_Arn=arn:x\n[sso-session x]\nregion=none\n[dev2]\nregion=no\n",
            true,
        );
        profiles.add("[dev]\naws_access_key_id = A#1\r\nregion=\n[profile odd]\na=b\n[default]\nregion=us-east-1\n[broken\nx=y", false);
        assert_eq!(profiles.get("default", "region"), Some("us-east-1"), "the later file");
        assert_eq!(profiles.get("dev", "role_arn"), Some("arn:x"));
        assert_eq!(profiles.get("dev", "aws_access_key_id"), Some("A#1"));
        assert_eq!(profiles.get("dev", "region"), None, "empty");
        assert_eq!(profiles.get("default", "max"), None, "nested");
        assert_eq!(profiles.get("profile odd", "a"), Some("b"));
        assert!(profiles.any("dev", "aws_") && !profiles.any("dev2", "") && !profiles.any("x", ""));
        assert_eq!(profiles.get("broken", "x"), Some("y"));
    }
}
