//! What may be among the dependencies, as deny.toml says it.

use crate::Result;
use crate::steps::Report;
use crate::workspace;

pub(crate) const TOOL: &str = "cargo-deny";
pub(crate) const NAME: &str = "licences, bans and sources of dependencies";

/// What needs nothing but the dependencies themselves.
pub(crate) fn check(report: &mut Report) {
    let checks =
        ["deny", "--locked", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"];
    report.command(NAME, &mut workspace::cargo(&checks));
}

/// What has become known of the dependencies since: this needs RustSec's database, which may be out of reach.
pub(crate) fn check_advisories(report: &mut Report) -> Result {
    let name = "known vulnerabilities of dependencies";
    if workspace::cargo(&["deny", "fetch", "db"]).output()?.status.success() {
        report.command(name, &mut workspace::cargo(&["deny", "--locked", "check", "advisories"]));
    } else {
        report.skip(&format!("{name}, for RustSec's database is out of reach"), 1);
    }
    Ok(())
}
