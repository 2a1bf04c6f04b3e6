// A host as the official package makes one: shows a view in a frame, and gives it what a call obtained.
import { AppBridge, PostMessageTransport } from "@modelcontextprotocol/ext-apps/app-bridge";

window.opened = [];
window.sizes = [];

window.show = async (html, result, theme) => {
  const frame = document.querySelector("iframe");
  const capabilities = { openLinks: {} };
  const options = { hostContext: { theme, locale: "fr-FR", platform: "desktop" } };
  const bridge = new AppBridge(null, { name: "host", version: "1" }, capabilities, options);
  const ready = new Promise((resolve) => {
    bridge.oninitialized = resolve;
  });
  bridge.onopenlink = async ({ url }) => {
    window.opened.push(url);
    return {};
  };
  bridge.onsizechange = (size) => window.sizes.push(size);
  await bridge.connect(new PostMessageTransport(frame.contentWindow, frame.contentWindow));
  frame.srcdoc = html;
  await ready;
  await bridge.sendToolInput({ arguments: {} });
  await bridge.sendToolResult(result);
};
