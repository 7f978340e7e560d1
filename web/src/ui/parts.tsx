/** Small pieces that several panels are made of. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { curl, type Request } from "../actions/equivalents.ts";
import { faultsOf, type Problem } from "../api/problem.ts";

export function Field(props: {
  label: string;
  /** What the API calls it: its reasons stand here. */
  names: string[];
  problem: Problem | null;
  value: string;
  onInput(value: string): void;
  hint?: string;
  list?: string;
}) {
  const id = `field-${props.names.join("-")}-${props.label.replaceAll(/\W/g, "")}`;
  const faults = faultsOf(props.problem, ...props.names);
  return (
    <p class="field">
      <label for={id}>{props.label}</label>
      <input
        id={id}
        type="text"
        value={props.value}
        list={props.list}
        autocomplete="off"
        aria-invalid={faults.length > 0}
        aria-describedby={faults.length > 0 ? `${id}-fault` : undefined}
        placeholder={props.hint}
        onInput={(event) => props.onInput(event.currentTarget.value)}
      />
      {faults.length > 0 && (
        <span class="fault" id={`${id}-fault`}>
          {faults.join("; ")}
        </span>
      )}
    </p>
  );
}

export function Fault({ words }: { words: string[] }) {
  return words.length === 0 ? null : (
    <p class="fault" role="alert">
      {words.join("; ")}
    </p>
  );
}

export function Facts({ facts }: { facts: [string, ComponentChildren][] }) {
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** The same action for whoever prefers a command line. */
export function Equivalents(props: { request: Request; command: string; hasToken: boolean }) {
  const lines = [curl(props.request, location.origin, props.hasToken), props.command];
  return (
    <details class="equivalents">
      <summary>As a command</summary>
      {lines.filter(Boolean).map((line) => (
        <Copyable key={line} text={line} />
      ))}
    </details>
  );
}

function Copyable({ text }: { text: string }) {
  const [done, setDone] = useState(false);
  const copy = () => void navigator.clipboard?.writeText(text).then(() => setDone(true));
  return (
    <div class="copyable">
      <code>{text}</code>
      <button type="button" class="quiet" onClick={copy}>
        {done ? "Copied" : "Copy"}
      </button>
    </div>
  );
}
