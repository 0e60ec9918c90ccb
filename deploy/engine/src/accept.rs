//! Connections of one way in: taken until the node stops, and then waited for.

use std::fmt::Display;
use std::future::Future;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Hands every connection to `connection` until `stop` resolves, and then waits until all of them have ended. Each is
/// told of the stop by its receiver, and ends by itself.
pub async fn serve<Served, Failure>(
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send,
    connection: impl Fn(TcpStream, watch::Receiver<bool>) -> Served,
) where
    Served: Future<Output = Result<(), Failure>> + Send + 'static,
    Failure: Display,
{
    let (stopping, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let served = connection(stream, stopped.clone());
                connections.spawn(async move {
                    if let Err(error) = served.await {
                        tracing::debug!(%error, "a connection ended");
                    }
                });
            }
            Err(error) => tracing::warn!(%error, "a connection cannot be accepted"),
        }
        while connections.try_join_next().is_some() {}
    }
    stopping.send_replace(true);
    while connections.join_next().await.is_some() {}
}
