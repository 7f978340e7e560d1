/** Begins the page. */

import { render } from "preact";
import { Client } from "./api/client.ts";
import type { Socket } from "./api/events.ts";
import { TokenKeeper } from "./api/token.ts";
import { Live } from "./live.ts";
import { Histories } from "./model/history.ts";
import { Store } from "./model/store.ts";
import { emptyWorld, type World } from "./model/world.ts";
import { App } from "./ui/app.tsx";
import { PageContext, type View } from "./ui/context.tsx";

const tokens = new TokenKeeper(sessionStorage);
const world = new Store<World>(emptyWorld());
const view = new Store<View>({
  selected: null,
  mode: { kind: "look" },
  overlay: null,
  planned: new Set(),
});
const client = new Client(
  () => tokens.get(),
  () => world.set({ liveness: { state: "locked" } }),
);
const socketUrl = (path: string) => new URL(path, location.href.replace(/^http/, "ws")).href;
const live = new Live(
  client,
  world,
  () => tokens.get(),
  (url, protocols) => new WebSocket(socketUrl(url), protocols) as unknown as Socket,
);
const enter = (token: string) => {
  tokens.set(token);
  location.reload();
};
const root = document.getElementById("page");
if (root !== null) {
  const histories = new Histories();
  const page = { world, view, client, live, histories, hasToken: () => tokens.get() !== null };
  render(
    <PageContext.Provider value={page}>
      <App enter={enter} />
    </PageContext.Provider>,
    root,
  );
}
void live.start();
