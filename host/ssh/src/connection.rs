//! One connection to the agent.

use std::sync::Arc;

use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};

use crate::{
    Refusal, Use,
    agent::Shared,
    binding::Session,
    login::Login,
    message::{self, Answer, BindRequest, Request, SignRequest},
};

/// What a connection is bound to.
enum Binding {
    /// To nothing yet.
    Open,
    Bound(Session),
    /// Its try failed. It stays unbound, whatever comes: those who ask may be others than those who tried.
    Lost,
}

/// Serves a client until it ends, is idle for too long, or sends what is no message.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(shared: &Arc<Shared>, mut stream: S) {
    let limits = &shared.limits;
    let mut binding = Binding::Open;
    loop {
        let message = match timeout(limits.idle_time, message::read(&mut stream, limits.message_bytes)).await {
            Ok(Ok(Some(message))) => message,
            Ok(Ok(None)) | Err(_) => return,
            Ok(Err(error)) => {
                tracing::debug!(%error, "a client of the ssh agent was cut off");
                return;
            }
        };
        let Ok(request) = Request::parse(&message) else {
            tracing::debug!("a client of the ssh agent was cut off: its message is not one of the protocol");
            return;
        };
        drop(message);
        let answer = match request {
            Request::Identities => Answer::Identities(&shared.keys),
            Request::Other => Answer::Failure,
            Request::Bind(request) => bind(shared, &mut binding, request).await,
            Request::Sign(request) => match sign(shared, &binding, request).await {
                Ok(signature) => Answer::Signature(signature),
                Err(refusal) => {
                    shared.tell(Use::Refused(refusal));
                    Answer::Failure
                }
            },
        };
        let Ok(answer) = answer.encode() else { return };
        if !matches!(timeout(limits.idle_time, stream.write_all(&answer)).await, Ok(Ok(()))) {
            return;
        }
    }
}

async fn bind(shared: &Arc<Shared>, binding: &mut Binding, request: BindRequest) -> Answer<'static> {
    let proven = match binding {
        Binding::Open => {
            let of = Arc::clone(shared);
            shared.compute(move || Session::prove(request, &of.target.host_keys)).await.unwrap_or(Err(Refusal::Failed))
        }
        Binding::Bound(_) | Binding::Lost => Err(Refusal::BoundBefore),
    };
    match proven {
        Ok(session) => {
            *binding = Binding::Bound(session);
            Answer::Success
        }
        Err(refusal) => {
            shared.tell(Use::Refused(refusal));
            *binding = Binding::Lost;
            Answer::Failure
        }
    }
}

async fn sign(shared: &Arc<Shared>, binding: &Binding, request: SignRequest) -> Result<Vec<u8>, Refusal> {
    let Binding::Bound(session) = binding else { return Err(Refusal::NotBound) };
    let SignRequest { key: blob, data, flags } = request;
    let index = shared.keys.iter().position(|key| key.blob() == blob).ok_or(Refusal::UnknownKey)?;
    let algorithm = shared.keys[index].algorithm(flags).ok_or(Refusal::UnsupportedAlgorithm)?;
    let login = Login::parse(&data).ok_or(Refusal::NotLogin)?;
    if login.key != blob || login.algorithm != algorithm.as_str() {
        return Err(Refusal::NotLogin);
    }
    if !session.holds(&login) {
        return Err(Refusal::OtherSession);
    }
    if login.user != shared.target.user {
        return Err(Refusal::OtherUser);
    }
    shared.spend().ok_or(Refusal::Spent)?;
    let of = Arc::clone(shared);
    let signed = shared.compute(move || of.keys[index].sign(&algorithm, &data)).await;
    let signature = signed.flatten().ok_or(Refusal::Failed)?;
    shared.tell(Use::Signed { key: shared.keys[index].name().to_owned() });
    Ok(signature)
}
