/** The page: bar, table, picture, details; its keys, and what a click means in each mode. */

import { useEffect, useState } from "preact/hooks";
import { listed } from "../actions/flow_request.ts";
import { stationLabel, switchLabel, timeOfDay } from "../model/naming.ts";
import type { World } from "../model/world.ts";
import { type Mode, usePage, useView, useWorld } from "./context.tsx";
import { Details } from "./details.tsx";
import { DrawFlow } from "./draw_flow.tsx";
import { Lacking } from "./lacking.tsx";
import { MakeSlice } from "./make_slice.tsx";
import { ObjectTable } from "./object_table.tsx";
import { KeySheet, Palette, TokenDialog } from "./palette.tsx";
import { PictureView } from "./picture_view.tsx";
import { TimersPanel } from "./timers_panel.tsx";
import { WhatIf } from "./what_if.tsx";

const MANY = 200;
/** Switches above which the table opens first. */

type Tab = "table" | "picture" | "details";

export function App({ enter }: { enter(token: string): void }) {
  const { view } = usePage();
  const world = useWorld();
  const { mode } = useView();
  const noFlows = world.flows.absent;
  const [tab, setTab] = useState<Tab | null>(null);
  const [open, setOpen] = useState<"palette" | "keys" | null>(null);
  const many = world.network.switches.size > MANY;
  const shown = tab ?? (many ? "table" : "picture");

  const choose = (id: string | null) => {
    const { mode } = view.get();
    const isSwitch = id !== null && world.network.switches.has(id);
    if (mode.kind === "migrate" && isSwitch) {
      view.set({ mode: { ...mode, waypoints: [...mode.waypoints, id] } });
    } else if (mode.kind === "whatif" && id !== null && (isSwitch || id.includes("="))) {
      const cut = mode.cut.includes(id) ? mode.cut.filter((one) => one !== id) : [...mode.cut, id];
      view.set({ mode: { ...mode, cut } });
    } else if (mode.kind === "draw") {
      view.set({ mode: drawnOn(mode, id, world) });
    } else if (!["migrate", "whatif", "slice"].includes(mode.kind)) {
      view.set({ selected: id, overlay: null, planned: new Set(), mode: { kind: "look" } });
    }
  };
  const begin = (key: string): boolean => {
    const { selected } = view.get();
    if (key === "w")
      view.set({ mode: { kind: "whatif", cut: [], answer: null }, planned: new Set() });
    else if (key === "d")
      view.set({ mode: { kind: "draw", from: "", to: "", through: "" }, planned: new Set() });
    else if (key === "s") view.set({ mode: { kind: "slice" }, selected: null, planned: new Set() });
    else if (key === "t") view.set({ mode: { kind: "timers" }, planned: new Set() });
    else if (key === "m" && selected?.startsWith("flow:")) {
      view.set({ mode: { kind: "migrate", flow: selected.slice(5), waypoints: [] } });
      setTimeout(() => document.getElementById("waypoint")?.focus());
    } else if (key === "m" && document.getElementById("destination")) {
      document.getElementById("destination")?.focus();
    } else return false;
    setTab("details");
    return true;
  };
  useEffect(() => {
    const tabs: Record<string, Tab> = { "1": "table", "2": "picture", "3": "details" };
    const key = (event: KeyboardEvent) => {
      const dialog = document.querySelector<HTMLDialogElement>("dialog[open]");
      if (dialog !== null) return leaveDialog(event, dialog);
      if (event.ctrlKey && event.key.toLowerCase() === "k") setOpen("palette");
      else if (event.key === "Escape" && isTyping(event)) return leaveField(event);
      else if (isTyping(event) || event.ctrlKey || event.altKey || event.metaKey) return;
      else if (event.key === "?") setOpen("keys");
      else if (event.key === "/") document.getElementById("filter")?.focus();
      else if (event.key === "Escape")
        view.set({ mode: { kind: "look" }, selected: null, overlay: null, planned: new Set() });
      else if (tabs[event.key]) setTab(tabs[event.key] as Tab);
      else if (event.key === "f") document.getElementById("fit")?.click();
      else if (!begin(event.key)) return;
      event.preventDefault();
    };
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  }, []);

  return (
    <div class={`app show-${shown} ${many ? "many" : ""} ${world.liveness.state}`}>
      <header>
        <h1>Horizon</h1>
        <LivenessNote world={world} />
        <nav class="tabs" aria-label="Parts of the page">
          {(["table", "picture", "details"] as Tab[]).map((one) => (
            <button
              key={one}
              type="button"
              aria-pressed={shown === one}
              onClick={() => setTab(one)}
            >
              {one}
            </button>
          ))}
        </nav>
        <span class="space" />
        <button type="button" id="draw-flow" onClick={() => begin("d")}>
          Draw flow
        </button>
        <button type="button" onClick={() => begin("w")}>
          What if
        </button>
        <button type="button" id="new-slice" onClick={() => begin("s")}>
          New slice
        </button>
        <button type="button" id="timers" onClick={() => begin("t")}>
          Timers
        </button>
        <button type="button" onClick={() => setOpen("palette")}>
          Find <kbd>Ctrl K</kbd>
        </button>
        <button type="button" aria-label="Keys" onClick={() => setOpen("keys")}>
          ?
        </button>
      </header>
      <main>
        <ObjectTable choose={choose} />
        <PictureView choose={choose} />
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, also by keyboard */}
        <aside class="details" aria-label="Details" tabIndex={0}>
          {mode.kind === "whatif" &&
            (noFlows === null ? (
              <WhatIf cut={mode.cut} />
            ) : (
              <Lacking title="What if" why={noFlows} />
            ))}
          {mode.kind === "draw" &&
            (noFlows === null ? (
              <DrawFlow mode={mode} />
            ) : (
              <Lacking title="Draw a flow" why={noFlows} />
            ))}
          {mode.kind === "slice" && <MakeSlice />}
          {mode.kind === "timers" && <TimersPanel />}
          {["look", "migrate", "move"].includes(mode.kind) && <Details />}
        </aside>
      </main>
      <datalist id="switch-names">
        {[...world.network.switches.keys()].map((dpid) => (
          <option key={dpid} value={switchLabel(dpid, world.network.switches)} />
        ))}
      </datalist>
      {open === "palette" && <Palette choose={choose} close={() => setOpen(null)} />}
      {open === "keys" && <KeySheet close={() => setOpen(null)} />}
      {world.liveness.state === "locked" && <TokenDialog enter={enter} />}
    </div>
  );
}

/** Return a flow being drawn after a click: stations are its ends, switches what it passes. */
function drawnOn(
  mode: Extract<Mode, { kind: "draw" }>,
  id: string | null,
  { network }: World,
): Extract<Mode, { kind: "draw" }> {
  const station = id === null ? undefined : network.stations.get(id);
  if (station !== undefined)
    return { ...mode, [mode.from === "" ? "from" : "to"]: stationLabel(station) };
  if (id === null || !network.switches.has(id)) return mode;
  const passed = [...listed(mode.through), switchLabel(id, network.switches)];
  return { ...mode, through: passed.join(", ") };
}

/** Within a dialog keys are the dialog's. Not every browser closes it by an Escape of a program. */
function leaveDialog(event: KeyboardEvent, dialog: HTMLDialogElement): void {
  if (event.key === "Escape" && dialog.matches(".keys, .palette")) dialog.close();
}

/** Escape leaves a field first: keys mean something else there. */
function leaveField(event: KeyboardEvent): void {
  (event.target as HTMLElement).blur();
}

function isTyping(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement | null;
  return target !== null && ["INPUT", "SELECT", "TEXTAREA"].includes(target.tagName);
}

function LivenessNote({ world: { liveness } }: { world: World }) {
  const words =
    liveness.state === "live"
      ? "live"
      : liveness.state === "stale"
        ? `stale since ${timeOfDay(liveness.since)}, trying again…`
        : liveness.state;
  return (
    <span class={`liveness ${liveness.state}`} role="status" id="liveness">
      <i class="dot" aria-hidden="true" />
      {words}
    </span>
  );
}
