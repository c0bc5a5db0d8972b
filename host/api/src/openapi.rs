//! The OpenAPI document: what the handlers say of themselves, completed with what holds for all of them.

use http::StatusCode;
use utoipa::{
    OpenApi as _,
    openapi::{
        ContentBuilder, OpenApi, Ref, RefOr, Required, Response, ResponseBuilder, SecurityRequirement,
        path::{HttpMethod, Operation, Parameter, ParameterBuilder, ParameterIn},
        schema::{ObjectBuilder, Type},
        security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme},
    },
};

use crate::{gate::SESSION_COOKIE, idempotency::MAX_KEY, problem};

const TOKEN: &str = "token";
const SESSION: &str = "session";
/// Operations whose answers hold a secret or only concern the login itself, or whose bodies are streams: no answer of them is
/// stored.
const NOT_REPEATED: [&str; 12] = [
    "log_in",
    "log_out",
    "create_token",
    "begin_sign_in",
    "finish_sign_in",
    "exec",
    "write_input",
    "resize_process",
    "signal_process",
    "open_port",
    "import_workspace",
    "create_attachment",
];

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "sandboxed.sh",
        description = "Missions for AI coding agents in isolated workspaces.\n\n\
            Every operation that is not marked as public needs an API token (`Authorization: Bearer sbx_…`) or the \
            cookie of a login, with the scope that its security requirement names: `read`, `write` or `admin`, each \
            of which holds the ones before it. Errors are problem documents (RFC 9457). Lists come in pages: pass \
            `next_cursor` as `cursor`. Query parameters and body fields that an operation does not know are refused.",
        license(name = "MIT", identifier = "MIT")
    ),
    tags(
        (name = "auth", description = "Logins and API tokens"),
        (name = "missions", description = "Missions, their queues and events"),
        (name = "asks", description = "What agents ask in the middle of a turn, and the rules that answer"),
        (name = "workspaces", description = "Where missions run"),
        (name = "processes", description = "Commands and terminals in workspaces"),
        (name = "snapshots", description = "How workspaces stood"),
        (name = "files", description = "Files of workspaces"),
        (name = "ports", description = "What listens in workspaces"),
        (name = "git", description = "Repositories, and what missions change"),
        (name = "models", description = "Providers of models, accounts at them, and what was used"),
        (name = "secrets", description = "Secrets, and the vault that keeps them"),
        (name = "skills", description = "Instructions that agents read when they need them"),
        (name = "plugins", description = "Backends, harnesses and tools"),
        (name = "system", description = "The server itself"),
    ),
    components(schemas(problem::Document))
)]
struct Base;

/// The OpenAPI 3.1 document of the whole API.
pub fn openapi() -> OpenApi {
    crate::router::routes().into_openapi()
}

/// What the document says besides operations.
pub(crate) fn base() -> OpenApi {
    let mut document = Base::openapi();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme(TOKEN, SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    components.add_security_scheme(SESSION, SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(SESSION_COOKIE))));
    document
}

/// Adds to each operation what the layers around the handlers demand and answer.
pub(crate) fn complete(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in [
            (HttpMethod::Get, &mut item.get),
            (HttpMethod::Post, &mut item.post),
            (HttpMethod::Put, &mut item.put),
            (HttpMethod::Patch, &mut item.patch),
            (HttpMethod::Delete, &mut item.delete),
        ] {
            if let Some(operation) = operation {
                complete_operation(path, &method, operation);
            }
        }
    }
}

fn complete_operation(path: &str, method: &HttpMethod, operation: &mut Operation) {
    let changes = *method != HttpMethod::Get;
    // An operation is public only where it says so, with an empty requirement.
    let public = operation.security.as_ref().is_some_and(|needs| needs.contains(&SecurityRequirement::default()));
    let own_scope = operation.security.take();
    operation.security = Some(match own_scope {
        Some(own) if public || !own.is_empty() => own,
        _ => both(if changes { "write" } else { "read" }),
    });
    let mut statuses = vec![
        (StatusCode::BAD_REQUEST, "The request cannot be understood."),
        (StatusCode::MISDIRECTED_REQUEST, "The request names another host."),
        (StatusCode::INTERNAL_SERVER_ERROR, "The server made a mistake."),
        (StatusCode::SERVICE_UNAVAILABLE, "Something that the server needs is missing or down."),
        (StatusCode::GATEWAY_TIMEOUT, "It took too long; a change may still be under way."),
    ];
    if !public {
        statuses.push((StatusCode::UNAUTHORIZED, "No credential, or one that is wrong or has expired."));
        statuses.push((
            StatusCode::FORBIDDEN,
            "The credential does not reach so far, or the request came from another site.",
        ));
    }
    if path.contains('{') {
        statuses.push((StatusCode::NOT_FOUND, "There is none."));
    }
    if path.contains("/plugins") || path.contains("/harnesses") || changes {
        statuses.push((StatusCode::BAD_GATEWAY, "A plugin broke its contract."));
        statuses.push((StatusCode::CONFLICT, "The request does not fit what is there now, or the configuration."));
    }
    if changes {
        statuses.push((StatusCode::FORBIDDEN, "The request came from another site."));
        statuses.push((
            StatusCode::PAYLOAD_TOO_LARGE,
            "The body or a message in it is too long, or more than the workspace may hold.",
        ));
        statuses.push((StatusCode::INSUFFICIENT_STORAGE, "The disk is full."));
    }
    if operation.request_body.is_some() {
        statuses.push((StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body is not JSON."));
    }
    let repeats =
        *method == HttpMethod::Post && !operation.operation_id.as_deref().is_some_and(|id| NOT_REPEATED.contains(&id));
    if repeats {
        operation.parameters.get_or_insert_default().push(RefOr::T(idempotency_key()));
        statuses.push((StatusCode::UNPROCESSABLE_ENTITY, "The Idempotency-Key came with another request before."));
    }
    for (status, description) in statuses {
        let responses = &mut operation.responses.responses;
        responses.entry(status.as_str().to_owned()).or_insert_with(|| RefOr::T(problem(description)));
    }
}

/// The requirement of a scope, by token or by login.
fn both(scope: &str) -> Vec<SecurityRequirement> {
    [TOKEN, SESSION].map(|scheme| SecurityRequirement::new(scheme, [scope])).into()
}

fn problem(description: &str) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(description).content(problem::MEDIA_TYPE, content).build()
}

fn idempotency_key() -> Parameter {
    let schema = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(MAX_KEY))
        .pattern(Some("^[!-~]+$"));
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "A name for this request that its client makes up. The same request with the same key is done once within \
             24 hours; a repeat gets the first answer again, with `Idempotent-Replayed: true`.",
        ))
        .schema(Some(schema))
        .build()
}
