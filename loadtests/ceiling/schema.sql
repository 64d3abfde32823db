-- Tables of the ceiling prototype: an event, the intent to process it, a run and its step.
DROP SCHEMA IF EXISTS ceiling CASCADE;
CREATE SCHEMA ceiling;
CREATE TABLE ceiling.event (id uuid PRIMARY KEY, payload jsonb NOT NULL, received_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE ceiling.job (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event_id uuid NOT NULL, status text NOT NULL DEFAULT 'PENDING',
  available_at timestamptz NOT NULL DEFAULT now(), lease_expires_at timestamptz);
CREATE INDEX ON ceiling.job (available_at, id) WHERE status = 'PENDING';
CREATE TABLE ceiling.run (id uuid PRIMARY KEY, event_id uuid NOT NULL, status text NOT NULL, outputs jsonb, ended_at timestamptz);
CREATE TABLE ceiling.step (id uuid PRIMARY KEY, run_id uuid NOT NULL, status text NOT NULL, input jsonb, output jsonb);
CREATE INDEX ON ceiling.step (run_id);
