//! What changes about TLS and SASL while a cluster runs.

#[cfg(feature = "tls")]
use std::io;

use super::Cluster;
#[cfg(feature = "tls")]
use super::tls::{CertificateFlaw, Identity, Tls};
#[cfg(feature = "sasl")]
use crate::model::Sasl;

#[cfg(feature = "sasl")]
impl Cluster {
    /// Gives a user, new or not, a password. Connections that are open stay. Says whether the cluster has SASL at all.
    pub fn set_password(&self, user: &str, password: &str) -> bool {
        self.change_sasl(|sasl| sasl.set_password(user, password)).is_some()
    }

    /// Takes a user away. Connections that are open stay. Says whether there was one.
    pub fn remove_user(&self, user: &str) -> bool {
        self.change_sasl(|sasl| sasl.remove_user(user)).unwrap_or_default()
    }

    /// Changes how clients authenticate from now on; `None` for a cluster without SASL.
    pub fn change_sasl<T>(&self, change: impl FnOnce(&mut Sasl) -> T) -> Option<T> {
        self.shared.change(|model| model.sasl_mut().map(change))
    }
}

#[cfg(feature = "tls")]
impl Cluster {
    /// The certificate of the authority that has signed the brokers', in PEM, for a client to trust. There is one also where the
    /// brokers do not speak TLS.
    #[must_use]
    pub fn ca_pem(&self) -> String {
        self.shared.tls.ca_pem()
    }

    /// A certificate for a client, with this common name and its own key, that the brokers trust.
    ///
    /// # Errors
    ///
    /// `Other`, if the system has no randomness for the key.
    pub fn client_certificate(&self, common_name: &str) -> io::Result<Identity> {
        self.shared.tls.client(common_name, None)
    }

    /// A certificate for a client with something wrong about it.
    ///
    /// # Errors
    ///
    /// `Other`, if the system has no randomness for the key.
    pub fn flawed_client_certificate(
        &self,
        common_name: &str,
        flaw: CertificateFlaw,
    ) -> io::Result<Identity> {
        self.shared.tls.client(common_name, Some(flaw))
    }

    /// Speaks TLS otherwise from now on, or no more, with new certificates of the same authority. Connections that are open stay.
    pub fn set_tls(&self, tls: Option<Tls>) {
        self.shared.tls.set(tls);
    }

    /// Replaces the authority, and with it all certificates: clients have to trust [`Cluster::ca_pem`] anew, and certificates that
    /// they have are not trusted any more. Connections that are open stay.
    ///
    /// # Errors
    ///
    /// `Other`, if the system has no randomness for the keys; then all is as it was.
    pub fn renew_authority(&self) -> io::Result<()> {
        self.shared.tls.renew_authority()
    }
}
