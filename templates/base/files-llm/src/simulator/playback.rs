//! An answer token by token, as an act says.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::{Body, Bytes, HttpBody};
use http_body::Frame;
use tokio::{sync::mpsc, time::sleep};

use super::{Act, dialect, stats::Visit};

pub(super) struct Playback {
    pub(super) model: String,
    pub(super) input_tokens: u64,
    pub(super) tokens: Vec<String>,
    pub(super) act: Act,
}

/// The client has left.
struct Left;

impl Playback {
    pub(super) fn start(self, visit: Visit) -> Body {
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            let audience = Audience(sender);
            // Whoever waits is dropped with the visit when the client has left.
            tokio::select! {
                () = audience.0.closed() => {}
                played = self.play(&audience) => if played.is_ok() {
                    visit.end();
                },
            }
        });
        Body::new(Chunks(receiver))
    }

    async fn play(&self, audience: &Audience) -> Result<(), Left> {
        let act = &self.act;
        audience
            .say(dialect::begin(&self.model, self.input_tokens))
            .await?;
        sleep(act.first_token).await;
        let count = act.tokens.unwrap_or(self.tokens.len());
        let mut said = 0;
        while act.never_end || said < count {
            if said > 0 {
                sleep(act.gap).await;
            }
            if self.interrupt(said, audience).await? {
                return Ok(());
            }
            let token = &self.tokens[said % self.tokens.len().max(1)];
            audience.say(dialect::token(&self.model, token)).await?;
            said += 1;
        }
        if self.interrupt(said, audience).await? {
            return Ok(());
        }
        let end = dialect::end(&self.model, self.input_tokens, said as u64);
        audience.say(end).await
    }

    /// Whether the answer is over because something went wrong after this many tokens.
    async fn interrupt(&self, said: usize, audience: &Audience) -> Result<bool, Left> {
        let act = &self.act;
        if act.stall_after == Some(said) {
            std::future::pending::<()>().await;
        }
        if act.garbage_after == Some(said) {
            audience.say(dialect::GARBAGE.to_owned()).await?;
        }
        if act.cut_after == Some(said) {
            audience.cut().await?;
            return Ok(true);
        }
        Ok(false)
    }
}

struct Audience(mpsc::Sender<io::Result<Bytes>>);

impl Audience {
    async fn say(&self, text: String) -> Result<(), Left> {
        self.0.send(Ok(text.into())).await.map_err(|_| Left)
    }

    /// Ends the connection in the middle of the answer.
    async fn cut(&self) -> Result<(), Left> {
        // What was said before is sent first: a connection that breaks at once takes it along.
        sleep(Duration::from_millis(20)).await;
        let cut = Err(io::ErrorKind::ConnectionAborted.into());
        self.0.send(cut).await.map_err(|_| Left)
    }
}

struct Chunks(mpsc::Receiver<io::Result<Bytes>>);

impl HttpBody for Chunks {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let chunk = self.0.poll_recv(context);
        chunk.map(|chunk| chunk.map(|chunk| chunk.map(Frame::data)))
    }
}
