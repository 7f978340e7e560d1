/** Makes a slice: whose it is, its flowspace, and what would clash before it is made. */

import { useEffect, useRef, useState } from "preact/hooks";
import { command } from "../actions/equivalents.ts";
import { type DrawnSlice, sliceBody, sliceWords } from "../actions/slice_request.ts";
import { remainder } from "../api/problem.ts";
import type { ClashReport, Slice } from "../api/types.ts";
import { reached } from "../model/flowspace.ts";
import { Clashes } from "./clashes.tsx";
import { useAction, usePage, useWorld } from "./context.tsx";
import { Equivalents, Fault, Field } from "./parts.tsx";

const NAMED = ["name", "controllers", "flowspace"];

export function MakeSlice() {
  const { view } = usePage();
  const { slices } = useWorld();
  return (
    <section class="act" aria-label="Make a slice">
      <h2>Make a slice</h2>
      {slices.absent === null ? (
        <Form />
      ) : (
        <p class="note" id="no-slicer">
          {slices.absent} Slices need a slicer between switches and controllers: run{" "}
          <code>horizon_ryu.slicing</code>, and tell the controller of it with{" "}
          <code>slicer_url</code> in <code>[rest]</code>.
        </p>
      )}
      <p class="buttons">
        <button type="button" onClick={() => view.set({ mode: { kind: "look" }, overlay: null })}>
          Close
        </button>
      </p>
    </section>
  );
}

function Form() {
  const { client, live, view, hasToken } = usePage();
  const { network } = useWorld();
  const [drawn, setDrawn] = useState<DrawnSlice>({ name: "", controllers: "", rules: "" });
  const [report, setReport] = useState<ClashReport | null>(null);
  const action = useAction();
  const form = useRef<HTMLFormElement>(null);
  const body = sliceBody(drawn, network.switches);
  useEffect(() => form.current?.querySelector("input")?.focus(), []);
  useEffect(() => {
    view.set({ overlay: body.flowspace.length > 0 ? reached(body.flowspace, network) : null });
  }, [drawn.rules, network]);

  const write = (change: Partial<DrawnSlice>) => {
    setDrawn({ ...drawn, ...change });
    setReport(null);
  };
  const check = () =>
    action.run(async () => {
      const told = await client.send<Slice>("POST", "/v1/slices?dry_run=1", body);
      setReport(told.clashes ?? { whole: true, clashes: [] });
    });
  const make = () =>
    action.run(async () => {
      const made = await client.send<Slice>("POST", "/v1/slices", body);
      live.ask("slices");
      view.set({ mode: { kind: "look" }, overlay: null, selected: `slice:${made.name}` });
    });
  const common = { problem: action.problem };
  return (
    <form
      ref={form}
      onSubmit={(event) => {
        event.preventDefault();
        if (report === null) check();
        else make();
      }}
    >
      <Field
        {...common}
        label="Name"
        names={["name"]}
        value={drawn.name}
        onInput={(name) => write({ name })}
        hint="blue"
      />
      <Field
        {...common}
        label="Controllers"
        names={["controllers"]}
        value={drawn.controllers}
        onInput={(controllers) => write({ controllers })}
        hint="tcp:127.0.0.1:7001"
      />
      <Field
        {...common}
        label="Flowspace, one rule a line"
        names={["flowspace"]}
        value={drawn.rules}
        onInput={(rules) => write({ rules })}
        hint="ports=1,3 dl_vlan=10-20 dpids=s1,s2"
        rows={4}
      />
      <Fault words={remainder(action.problem, ...NAMED)} />
      {report !== null && <Clashes report={report} />}
      <p class="buttons">
        <button type="submit" class="main" id="make-slice" disabled={action.busy}>
          {report === null ? "What would clash" : "Make the slice"}
        </button>
      </p>
      <Equivalents
        request={{ method: "POST", path: "/v1/slices", body }}
        command={command(...sliceWords(drawn))}
        hasToken={hasToken()}
      />
    </form>
  );
}
