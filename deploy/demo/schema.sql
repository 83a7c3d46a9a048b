-- The demo's schema: tenants, their accounts and the accounts' orders. Loading it again changes
-- nothing.
CREATE TABLE IF NOT EXISTS tenants (
  id text PRIMARY KEY,
  name text NOT NULL
);

CREATE TABLE IF NOT EXISTS accounts (
  id integer PRIMARY KEY,
  tenant_id text NOT NULL REFERENCES tenants,
  owner text NOT NULL,
  balance numeric(12, 2) NOT NULL DEFAULT 0
);

CREATE TABLE IF NOT EXISTS orders (
  id integer PRIMARY KEY,
  tenant_id text NOT NULL REFERENCES tenants,
  account_id integer NOT NULL REFERENCES accounts,
  item text NOT NULL,
  amount numeric(12, 2) NOT NULL,
  ordered_at timestamptz NOT NULL DEFAULT now()
);

INSERT INTO tenants (id, name) VALUES
  ('acme', 'Acme Corporation'),
  ('globex', 'Globex Corporation'),
  ('initech', 'Initech')
ON CONFLICT DO NOTHING;

INSERT INTO accounts (id, tenant_id, owner, balance)
SELECT n, (ARRAY['acme', 'globex', 'initech'])[1 + n % 3], 'owner ' || n, 100 * n
FROM generate_series(1, 30) AS n
ON CONFLICT DO NOTHING;

INSERT INTO orders (id, tenant_id, account_id, item, amount)
SELECT n, accounts.tenant_id, accounts.id, 'item ' || n % 7, 5 + n % 50
FROM generate_series(1, 300) AS n JOIN accounts ON accounts.id = 1 + n % 30
ON CONFLICT DO NOTHING;
