//! The few pages a person sees.

use super::call::{Answer, Call};

const STYLE: &str = "
  :root { color-scheme: light dark; }
  body { font: 16px/1.5 system-ui, sans-serif; background: Canvas; color: CanvasText; margin: 0;
         display: grid; place-items: center; min-height: 100vh; }
  main { max-width: 26rem; padding: 2rem; border: 1px solid #8884; border-radius: .75rem; }
  h1 { font-size: 1.25rem; margin-top: 0; }
  p.note { color: GrayText; font-size: .875rem; }
  button { font: inherit; padding: .5rem 1.25rem; border-radius: .5rem; border: 1px solid #8888; cursor: pointer; }
  button.allow { background: #0b5cab; border-color: #0b5cab; color: white; }
";

fn page(title: &str, content: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
         <style>{STYLE}</style></head>\n<body><main>\n{content}\n</main></body></html>\n"
    )
}

/// Returns text made harmless in HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Says what this server is.
pub(super) fn welcome() -> Answer {
    let content = "<h1>A sandbox org</h1>\n<p>This server stands in for Salesforce in tests and \
                   demonstrations. Everyone in it is invented.</p>";
    Answer::html(200, page("Sandbox org", content))
}

/// Asks whether an app may come in. The form carries the request along.
pub(super) fn consent(fields: &[(String, String)], scope: &str, org: &str, user: &str) -> Answer {
    let hidden: String = fields
        .iter()
        .map(|(name, value)| {
            let (name, value) = (escaped(name), escaped(value));
            format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">\n")
        })
        .collect();
    let content = format!(
        "<h1>Allow access?</h1>\n\
         <p>An app on this computer asks to use the sandbox org <b>{}</b> as <b>{}</b>.</p>\n\
         <p class=\"note\">It asks for: {}</p>\n\
         <form method=\"post\" action=\"/services/oauth2/authorize\">\n{hidden}\
         <button class=\"allow\" name=\"decision\" value=\"allow\">Allow</button>\n\
         <button name=\"decision\" value=\"deny\">Deny</button>\n</form>",
        escaped(org),
        escaped(user),
        escaped(scope)
    );
    Answer::html(200, page("Allow access?", &content))
}

/// Shows an error that may not go back to the app; the address carries it too.
pub(super) fn oauth_error(call: &Call) -> Answer {
    let part = |name| escaped(call.parameter(name).unwrap_or("unknown_error"));
    let content = format!(
        "<h1>The app can't be let in</h1>\n<p><code>{}</code></p>\n<p>{}</p>",
        part("error"),
        part("error_description")
    );
    Answer::html(400, page("OAuth error", &content))
}

/// Says that the service is away, as the edge does.
pub(super) fn maintenance() -> Answer {
    let content = "<h1>We are down for maintenance.</h1>\n<p>Sorry for the inconvenience.</p>";
    Answer::html(503, page("Service unavailable", content))
}
