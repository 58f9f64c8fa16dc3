//! The promises of issue 2, asked of the real binary from outside: over its command line, HTTP, SMTP and the files it leaves.
//!
//! Nothing here reaches into the newsroom. What it says of itself is held against what came out at the other end.

mod backup;
mod canary;
mod clock;
mod desk;
mod doors;
mod doubt;
mod failover;
mod http;
mod input;
mod lists;
mod mails;
mod metrics;
mod morning;
mod newsroom;
mod partner;
mod postfix;
mod program;
mod receivers;
mod relay;
mod resume;
mod room;
mod seals;
mod start;
mod story;
mod stranger;
mod strangers;
mod tap;
mod walk;
mod warming;
