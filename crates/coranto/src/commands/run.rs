//! `coranto run`: the newsroom at work, until it is told to stop.

use newsroom::Problem;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::house;
use crate::answer::{Answer, tell};
use crate::cli::Common;
use crate::{newsdesk, run};

pub async fn run(common: Common) -> Result<Answer, Problem> {
    let house = house(&common).await?;
    let doors = run::listen(&house).await?;
    let site = doors.site.address().unwrap_or(house.config.listen);
    let desk = newsdesk::address(&house);
    tell(format_args!("{} is at http://{site}/ and its desk at {desk}/ — stop it with Ctrl-C.", house.outlet().name));
    if let Some(link) = newsdesk::first_link(&house).await? {
        tell(format_args!(
            "Nobody can sign in at the desk yet. This link makes its first member, once:\n{}",
            link.show()
        ));
    }
    run::run(house, doors, stop_signal()?).await?;
    Ok(Answer::new(json!({"stopped": true}), "Stopped. Everything is where it was; `coranto run` goes on."))
}

/// Turns true at Ctrl-C or when the system asks for an end.
///
/// # Errors
/// A [`Problem`] when the system gives no signals.
pub fn stop_signal() -> Result<watch::Receiver<bool>, Problem> {
    let trouble = |fault: std::io::Error| {
        Problem::new(format!("The system gives no signals: {fault}."), "Nothing was started.", "Try again.")
    };
    let mut asked = signal(SignalKind::terminate()).map_err(trouble)?;
    let mut typed = signal(SignalKind::interrupt()).map_err(trouble)?;
    let (tell, told) = watch::channel(false);
    // Owned by the runtime and as long-lived as the process: it ends with it.
    let waiting = async move {
        tokio::select! {
            biased;
            _ = asked.recv() => {}
            _ = typed.recv() => {}
        }
        tell.send_replace(true);
        std::future::pending::<()>().await;
    };
    #[expect(clippy::disallowed_methods, reason = "waits for the end of the process itself")]
    tokio::spawn(waiting);
    Ok(told)
}
