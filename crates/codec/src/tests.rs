//! Promises that every message keeps.
