//! Properties of features that this build may lack: they are refused then, by the feature's name.

use super::super::property::Setter;
use super::super::reasons;

/// Of SASL.
pub(in crate::config) const fn sasl<C>(setter: Setter<C>) -> Setter<C> {
    if cfg!(feature = "sasl") { setter } else { Setter::Refused(reasons::NEEDS_SASL) }
}

/// Of tokens for OAUTHBEARER.
pub(in crate::config) const fn oauth<C>(setter: Setter<C>) -> Setter<C> {
    if cfg!(feature = "oauth") { setter } else { Setter::Refused(reasons::NEEDS_OAUTH) }
}

/// Of Kerberos.
pub(in crate::config) const fn gssapi<C>(setter: Setter<C>) -> Setter<C> {
    if cfg!(feature = "gssapi") { setter } else { Setter::Refused(reasons::NEEDS_GSSAPI) }
}

/// Of TLS.
pub(in crate::config) const fn tls<C>(setter: Setter<C>) -> Setter<C> {
    if cfg!(feature = "_tls") { setter } else { Setter::Refused(reasons::NEEDS_TLS) }
}
