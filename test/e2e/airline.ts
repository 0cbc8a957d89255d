/** The demo's source: real flights, airports and weather, and what happens to them between two runs. */
import { join } from 'node:path';

const data = join(import.meta.dirname, '..', '..', 'node_modules', 'vega-datasets', 'data');

export const NEW_FLIGHTS = 5_000;

export interface AirlineTable {
  readonly name: string;
  readonly create: string;
  /** DuckDB's query that gives its rows in the order of its columns. */
  readonly rows: string;
  /** After the rows are in: quicker than before. */
  readonly finish: readonly string[];
}

export const tables: readonly AirlineTable[] = [
  {
    name: 'flights',
    create: `CREATE TABLE flights (id bigint NOT NULL, departs_at timestamp NOT NULL, delay int, distance int,
      origin text NOT NULL, destination text NOT NULL, loaded_at timestamptz NOT NULL)`,
    rows: `SELECT row_number() OVER (), date, delay, distance, origin, destination,
      strftime(date + INTERVAL 1 HOUR, '%Y-%m-%d %H:%M:%S+00') FROM '${join(data, 'flights-3m.parquet')}'`,
    finish: ['ALTER TABLE flights ADD PRIMARY KEY (id)', 'CREATE INDEX ON flights (loaded_at)', 'ANALYZE flights'],
  },
  {
    name: 'airports',
    create: `CREATE TABLE airports (iata text PRIMARY KEY, name text NOT NULL, city text, state text, country text NOT NULL,
      latitude double precision NOT NULL, longitude double precision NOT NULL)`,
    rows: `SELECT iata, name, city, state, country, latitude, longitude FROM '${join(data, 'airports.csv')}'`,
    finish: ['ANALYZE airports'],
  },
  {
    name: 'weather',
    create: `CREATE TABLE weather (location text, day date, precipitation numeric(5,1) NOT NULL, temp_max numeric(4,1) NOT NULL,
      temp_min numeric(4,1) NOT NULL, wind numeric(4,1) NOT NULL, weather text NOT NULL, updated_at timestamptz NOT NULL,
      PRIMARY KEY (location, day))`,
    rows: `SELECT location, date, precipitation, temp_max, temp_min, wind, weather,
      strftime(date + INTERVAL 30 HOUR, '%Y-%m-%d %H:%M:%S+00') FROM '${join(data, 'weather.csv')}'`,
    finish: ['CREATE INDEX ON weather (updated_at)', 'ANALYZE weather'],
  },
];

export const changes: readonly { readonly what: string; readonly sql: string }[] = [
  {
    what: `${NEW_FLIGHTS.toLocaleString('en')} new flights`,
    sql: `INSERT INTO flights SELECT 3000000 + id, departs_at + interval '6 months', delay, distance, origin, destination, now()
      FROM flights WHERE id <= ${NEW_FLIGHTS}`,
  },
  {
    what: 'one airport renamed, one closed',
    sql: `UPDATE airports SET name = 'Seattle-Tacoma International' WHERE iata = 'SEA'`,
  },
  { what: '', sql: `DELETE FROM airports WHERE iata = '00M'` },
  {
    what: '31 days of weather corrected, one day new',
    sql: `UPDATE weather SET temp_max = temp_max + 0.5, updated_at = now()
      WHERE location = 'Seattle' AND day BETWEEN '2015-12-01' AND '2015-12-31'`,
  },
  { what: '', sql: `INSERT INTO weather VALUES ('Seattle', '2016-01-01', 0.0, 7.5, 0.5, 2.1, 'sun', now())` },
];

export interface Question {
  readonly title: string;
  readonly sql: string;
}

/** Worth trying on the finished warehouse. */
export const questions: readonly Question[] = [
  {
    title: 'Which airports see most departures?',
    sql: `SELECT a.name, a.city, count(*) AS departures FROM demo_raw.flights f
JOIN demo_raw.airports a ON a.iata = f.origin
GROUP BY ALL ORDER BY departures DESC LIMIT 5`,
  },
  {
    title: 'At which hour should one not fly?',
    sql: `SELECT hour(departs_at) AS hour, round(avg(delay), 1) AS minutes_late, count(*) AS flights FROM demo_raw.flights
GROUP BY ALL ORDER BY minutes_late DESC LIMIT 3`,
  },
  {
    title: 'Which routes are the longest?',
    sql: `SELECT DISTINCT origin, destination, distance FROM demo_raw.flights
ORDER BY distance DESC, origin LIMIT 3`,
  },
  {
    title: 'What did the second run bring?',
    sql: `SELECT count(*) AS flights, min(id) AS first_id, max(id) AS last_id FROM demo_raw.flights
WHERE loaded_at >= current_date - 1`,
  },
  {
    title: 'Are the corrections in, and no day twice?',
    sql: `SELECT location, count(*) AS days, count(DISTINCT day) AS different_days,
  count(*) FILTER (updated_at >= current_date - 1) AS corrected_or_new FROM demo_raw.weather
GROUP BY ALL ORDER BY location`,
  },
];
