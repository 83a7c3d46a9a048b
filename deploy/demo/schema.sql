-- The demo's schema: tenants, their accounts and the accounts' orders. Row-level security lets a
-- transaction see and write the rows of its tenant only. The tables belong to who loads this, as a
-- table's owner is not bound by its policies; the application's role is app. Loading it again
-- changes nothing.
CREATE TABLE IF NOT EXISTS tenants (
  id text PRIMARY KEY,
  name text NOT NULL
);

CREATE TABLE IF NOT EXISTS accounts (
  id integer PRIMARY KEY,
  tenant_id text NOT NULL DEFAULT current_setting('app.tenant_id') REFERENCES tenants,
  owner text NOT NULL,
  balance numeric(12, 2) NOT NULL DEFAULT 0
);

CREATE TABLE IF NOT EXISTS orders (
  id integer PRIMARY KEY,
  tenant_id text NOT NULL DEFAULT current_setting('app.tenant_id') REFERENCES tenants,
  account_id integer NOT NULL REFERENCES accounts,
  item text NOT NULL,
  amount numeric(12, 2) NOT NULL,
  ordered_at timestamptz NOT NULL DEFAULT now()
);

INSERT INTO tenants (id, name) VALUES
  ('acme', 'Acme Corporation'),
  ('globex', 'Globex Corporation')
ON CONFLICT DO NOTHING;

INSERT INTO accounts (id, tenant_id, owner, balance)
SELECT n, CASE WHEN n % 3 = 0 THEN 'globex' ELSE 'acme' END, 'owner ' || n, 100 * n
FROM generate_series(1, 30) AS n
ON CONFLICT DO NOTHING;

INSERT INTO orders (id, tenant_id, account_id, item, amount)
SELECT n, accounts.tenant_id, accounts.id, 'item ' || n % 7, 5 + n % 50
FROM generate_series(1, 300) AS n JOIN accounts ON accounts.id = 1 + n % 30
ON CONFLICT DO NOTHING;

CREATE INDEX IF NOT EXISTS accounts_tenant_id ON accounts (tenant_id);
CREATE INDEX IF NOT EXISTS orders_tenant_id ON orders (tenant_id);

DROP POLICY IF EXISTS tenant ON tenants;
DROP POLICY IF EXISTS tenant ON accounts;
DROP POLICY IF EXISTS tenant ON orders;
CREATE POLICY tenant ON tenants USING (id = current_setting('app.tenant_id', true));
CREATE POLICY tenant ON accounts USING (tenant_id = current_setting('app.tenant_id', true));
CREATE POLICY tenant ON orders USING (tenant_id = current_setting('app.tenant_id', true));
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE accounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;

GRANT SELECT ON tenants TO app;
GRANT SELECT, INSERT, UPDATE, DELETE ON accounts, orders TO app;
