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
  /** More than one: a field of several lines. */
  rows?: number;
}) {
  const id = `field-${props.names.join("-")}-${props.label.replaceAll(/\W/g, "")}`;
  const faults = faultsOf(props.problem, ...props.names);
  const common = {
    id,
    value: props.value,
    autocomplete: "off" as const,
    placeholder: props.hint,
    "aria-invalid": faults.length > 0,
    "aria-describedby": faults.length > 0 ? `${id}-fault` : undefined,
    onInput: (event: { currentTarget: { value: string } }) =>
      props.onInput(event.currentTarget.value),
  };
  return (
    <p class="field">
      <label for={id}>{props.label}</label>
      {props.rows === undefined ? (
        <input {...common} type="text" list={props.list} />
      ) : (
        <textarea {...common} rows={props.rows} />
      )}
      <FieldFault id={id} faults={faults} />
    </p>
  );
}

function FieldFault({ id, faults }: { id: string; faults: readonly string[] }) {
  if (faults.length === 0) return null;
  return (
    <span class="fault" id={`${id}-fault`}>
      {faults.join("; ")}
    </span>
  );
}

/** A field of which one of a few values is chosen. */
export function Choice(props: {
  label: string;
  id: string;
  names: string[];
  problem: Problem | null;
  value: string;
  among: readonly string[];
  onChange(value: string): void;
}) {
  const faults = faultsOf(props.problem, ...props.names);
  return (
    <p class="field">
      <label for={props.id}>{props.label}</label>
      <select
        id={props.id}
        value={props.value}
        aria-invalid={faults.length > 0}
        aria-describedby={faults.length > 0 ? `${props.id}-fault` : undefined}
        onChange={(event) => props.onChange(event.currentTarget.value)}
      >
        {props.among.map((one) => (
          <option key={one}>{one}</option>
        ))}
      </select>
      <FieldFault id={props.id} faults={faults} />
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

/** What was chosen one after the other; each may be taken back. */
export function Chips(props: { label: string; names: string[]; remove(place: number): void }) {
  return (
    <ol class="chips" aria-label={props.label}>
      {props.names.map((name, place) => (
        <li key={`${name} ${place}`}>
          {name}
          <button type="button" aria-label={`Remove ${name}`} onClick={() => props.remove(place)}>
            ×
          </button>
        </li>
      ))}
    </ol>
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
