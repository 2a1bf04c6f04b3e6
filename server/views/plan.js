// Speaks the MCP Apps dialect (2026-01-26) with the host that shows this view, and fills it in.
// Whatever it is given goes in as text, never as markup.
"use strict";

const SHOWN = "guichet/plan";
const LOOPBACK_OR_HTTPS = /^(https:\/\/|http:\/\/(127\.0\.0\.1|localhost|\[::1\])[:/])/;

const at = (id) => document.getElementById(id);
let asked = 0;

function send(message) {
  window.parent.postMessage({ jsonrpc: "2.0", ...message }, "*");
}

function request(method, params) {
  asked += 1;
  send({ id: asked, method, params });
  return asked;
}

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function row([field, before, after]) {
  const made = document.createElement("tr");
  made.append(element("th", field, { scope: "row" }), element("td", before), element("td", after));
  return made;
}

function quotation([label, text]) {
  const made = document.createElement("figure");
  made.append(element("figcaption", label), element("blockquote", text, { dir: "auto" }));
  return made;
}

function fill(id, parts, whole = at(id)) {
  at(id).replaceChildren(...parts);
  whole.hidden = parts.length === 0;
}

function show(plan) {
  at("title").textContent = plan.title;
  fill("says", plan.says.map((sentence) => element("li", sentence)));
  fill("rows", plan.changes.map(row), at("changes"));
  fill("words", plan.words.map(quotation), at("others"));
  at("count").textContent = String(plan.more);
  at("more").hidden = plan.more === 0;
  const known = LOOPBACK_OR_HTTPS.test(plan.page);
  at("deciding").hidden = !known;
  at("open").onclick = () => request("ui/open-link", { url: plan.page });
  fill("address", known ? [plan.page] : []);
  at("plan").hidden = false;
  at("told").hidden = true;
}

function tell(text) {
  at("told").textContent = text;
  at("told").hidden = false;
  at("plan").hidden = true;
}

function showResult(result) {
  const plan = (result._meta || {})[SHOWN];
  const said = (result.content || []).find((part) => part.type === "text");
  const outcome = result.structuredContent || {};
  if (plan) show(plan);
  else tell(outcome.conclusion || (said ? said.text : ""));
}

function adapt(context) {
  if (context && context.theme) document.documentElement.style.colorScheme = context.theme;
}

window.addEventListener("message", ({ source, data }) => {
  if (source !== window.parent || !data || data.jsonrpc !== "2.0") return;
  if (data.id === opening && data.result) {
    adapt(data.result.hostContext);
    send({ method: "ui/notifications/initialized", params: {} });
  } else if (data.method === "ui/notifications/tool-result") {
    showResult(data.params);
  } else if (data.method === "ui/notifications/host-context-changed") {
    adapt(data.params);
  } else if (data.method === "ui/resource-teardown" || data.method === "ping") {
    send({ id: data.id, result: {} });
  }
});

new ResizeObserver(() => {
  const { width, height } = document.documentElement.getBoundingClientRect();
  const size = { width: Math.ceil(width), height: Math.ceil(height) };
  send({ method: "ui/notifications/size-changed", params: size });
}).observe(document.documentElement);

const opening = request("ui/initialize", {
  protocolVersion: "2026-01-26",
  appInfo: { name: "guichet", version: "1" },
  appCapabilities: {},
});
