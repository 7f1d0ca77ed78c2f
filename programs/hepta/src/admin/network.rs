//! What can be seen of the network that is our own, if sites are served over one (`--net`).

use std::sync::Arc;

use message::{Name, Request, Status};
use server::Reply;

use super::{Overview, TEXT, page};
use crate::net::Looked;
use crate::serve::pages;

/// Answers with interfaces, addresses, routes, neighbours and sockets, once their worker has told of
/// them.
pub(super) fn show(overview: &Arc<Overview>, request: &Request) -> Reply {
    let (overview, request) = (Arc::clone(overview), request.clone());
    let is_text = request.fields.has_element(Name::Accept, "text/plain");
    Reply::Later(Box::pin(async move {
        let seen = overview.observer.networks(Looked::at).await;
        let Some(looked) = seen.into_iter().reduce(Looked::and) else {
            let why = "sites are served over the kernel's network; `ip` and `ss` show that one";
            return pages::error_for_operators(&request, Status::NOT_FOUND, why);
        };
        let mut answer = match is_text {
            true => page(TEXT, anstream::adapter::strip_str(&looked.text()).to_string().into()),
            false => page("application/json", format!("{:#}\n", looked.json()).into()),
        };
        answer.response.fields.push(Name::Vary, "Accept");
        answer
    }))
}
