//! The same promises against real servers and browsers.
