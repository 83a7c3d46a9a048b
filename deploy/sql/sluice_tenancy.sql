-- The signed tenant: sluice.tenant(), for use in row-level-security policies.
--
--   CREATE POLICY tenant ON orders
--     USING (tenant_id = (SELECT sluice.tenant()))
--     WITH CHECK (tenant_id = (SELECT sluice.tenant()));
--
-- The function gives the tenant that stands in the token which Sluice puts into the setting
-- sluice.token, if the token is signed with a secret of sluice.secrets, has not expired, and was
-- made for this database and for this session's login. Else it raises SQLSTATE 42501. Anyone may
-- set the setting; only who has the secret can make a token. docs/tenancy.md tells more.
--
-- For PostgreSQL 13 and newer; no extension is needed. Run it in each database that has such
-- policies, as a role that may create a schema and that is neither the application's login nor a
-- role which that login is a member of: who owns the schema reads the secrets. Best is a role of
-- its own that can't log in. To run it again, as the same role, upgrades the functions and keeps
-- the secrets. It needs no feature of psql.
BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL standard_conforming_strings = on;
SET LOCAL client_min_messages = warning;

CREATE SCHEMA IF NOT EXISTS sluice;

-- A schema or a table that another role made first is not to be trusted with secrets.
DO $$
DECLARE
  owner text;
BEGIN
  SELECT min(pg_get_userbyid(o.id)) INTO owner
    FROM (
      SELECT nspowner FROM pg_namespace WHERE nspname = 'sluice'
      UNION ALL
      SELECT relowner FROM pg_class WHERE relnamespace = 'sluice'::regnamespace
      UNION ALL
      SELECT proowner FROM pg_proc WHERE pronamespace = 'sluice'::regnamespace
    ) AS o(id)
    WHERE pg_get_userbyid(o.id) <> current_user;
  IF owner IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = '42501',
      MESSAGE = format('the schema sluice, or something in it, belongs to %I', owner),
      HINT = 'If that role installed it, run this as that role; else find out what it is.';
  END IF;
END $$;

-- The secrets by their key ID, which a token carries. They are kept as HMAC (RFC 2104) uses them:
-- the key filled up to a block of 64 bytes, once XORed with 0x36, once with 0x5c. These are worth
-- as much as the secret. Two rows live side by side while a secret is being replaced.
CREATE TABLE IF NOT EXISTS sluice.secrets (
  id text COLLATE "C" PRIMARY KEY CHECK (id ~ '^[A-Za-z0-9_-]{1,32}$'),
  inner_key bytea NOT NULL CHECK (octet_length(inner_key) = 64),
  outer_key bytea NOT NULL CHECK (octet_length(outer_key) = 64),
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Whatever was granted to others, be it by ALTER DEFAULT PRIVILEGES, is taken back.
DO $$
DECLARE
  grantee text;
BEGIN
  FOR grantee IN
    SELECT DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC'
                         ELSE quote_ident(pg_get_userbyid(a.grantee)) END
      FROM (
        SELECT nspacl FROM pg_namespace WHERE nspname = 'sluice'
        UNION ALL
        SELECT relacl FROM pg_class WHERE oid = 'sluice.secrets'::regclass
        UNION ALL
        SELECT attacl FROM pg_attribute WHERE attrelid = 'sluice.secrets'::regclass
      ) AS o(acl), aclexplode(o.acl) AS a
      WHERE pg_get_userbyid(a.grantee) <> current_user
  LOOP
    EXECUTE format('REVOKE ALL ON SCHEMA sluice FROM %s CASCADE', grantee);
    EXECUTE format('REVOKE ALL ON TABLE sluice.secrets FROM %s CASCADE', grantee);
  END LOOP;
END $$;

-- The tenant of the token, or an error that holds nothing of it.
--
-- SECURITY DEFINER, for the caller can't read the secrets. search_path: or else a caller's own
-- operators, or types in pg_temp, which come first where it is not named, would run as the owner.
--
-- What is signed is the token up to the signature, the database and the login: the latter two as
-- hexadecimal digits, so that a dot always ends a part. All is done in one query, so that no
-- variable ever holds a key or the right signature: settings that anyone may turn on (such as
-- debug_print_plan) show a variable's value where it becomes a constant of a plan. Digests of the
-- signatures are compared, not these: how long that takes tells nothing about the right one.
--
-- now() is the start of the transaction: what began in time ends in good order.
CREATE OR REPLACE FUNCTION sluice.tenant() RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  token CONSTANT text := current_setting('sluice.token', true);
  part CONSTANT text[] := string_to_array(token, '.');
  fits boolean;
BEGIN
  IF token IS NULL OR token = '' THEN
    RAISE EXCEPTION USING ERRCODE = '42501',
      MESSAGE = 'this transaction has no tenant token',
      HINT = 'Tables with policies on sluice.tenant() are reached through Sluice.';
  END IF;
  IF octet_length(token) > 1024 OR cardinality(part) <> 5 OR part[1] <> 'v1' THEN
    RAISE EXCEPTION USING ERRCODE = '42501', MESSAGE = 'the tenant token is malformed';
  END IF;
  SELECT sha256(convert_to(part[5], 'UTF8')) = sha256(convert_to(encode(
      sha256(s.outer_key || sha256(s.inner_key || convert_to(
        part[1] || '.' || part[2] || '.' || part[3] || '.' || part[4] || '.'
          || encode(convert_to(current_database()::text, 'UTF8'), 'hex') || '.'
          || encode(convert_to(session_user::text, 'UTF8'), 'hex'), 'UTF8'))), 'hex'), 'UTF8'))
    INTO fits FROM sluice.secrets AS s WHERE s.id = part[2] COLLATE "C";
  IF fits IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = '42501',
      MESSAGE = 'the tenant token is signed with a key that this database does not have',
      HINT = 'The key ID is to be the same in Sluice''s configuration and in sluice.secrets.';
  END IF;
  IF NOT fits THEN
    RAISE EXCEPTION USING ERRCODE = '42501',
      MESSAGE = 'the tenant token is not valid for this database and this login',
      HINT = 'It was changed, made for another, or signed with another secret.';
  END IF;
  IF part[3]::bigint <= date_part('epoch', now()) THEN
    RAISE EXCEPTION USING ERRCODE = '42501',
      MESSAGE = 'the tenant token has expired',
      HINT = 'Compare the clocks of Sluice and of this server.';
  END IF;
  RETURN convert_from(decode(part[4], 'hex'), 'UTF8');
END $$;

-- Adds a secret of at least 32 bytes. What is set is not replaced: transactions under way carry
-- tokens of the old one. A new secret gets a new key ID, and the old one is dropped later.
--
-- A literal would stand in the log, where statements are logged, and in the history of psql:
--   \set secret `cat FILE`
--   SELECT sluice.set_secret($1, $2) \bind k2 :secret \g        (psql 16 and newer)
CREATE OR REPLACE FUNCTION sluice.set_secret(key_id text, secret text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  key bytea := convert_to(secret, 'UTF8');
  inner_block bytea := decode(repeat('36', 64), 'hex');
  outer_block bytea := decode(repeat('5c', 64), 'hex');
BEGIN
  IF key_id IS NULL OR key_id COLLATE "C" !~ '^[A-Za-z0-9_-]{1,32}$' THEN
    RAISE EXCEPTION USING ERRCODE = '22023',
      MESSAGE = 'a key ID is 1 to 32 ASCII letters, digits, hyphens and underscores';
  END IF;
  IF key IS NULL OR octet_length(key) < 32 THEN
    RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = 'a secret has 32 bytes or more';
  END IF;
  IF octet_length(key) > 64 THEN
    key := sha256(key);
  END IF;
  FOR i IN 0 .. octet_length(key) - 1 LOOP
    inner_block := set_byte(inner_block, i, get_byte(key, i) # 54);
    outer_block := set_byte(outer_block, i, get_byte(key, i) # 92);
  END LOOP;
  INSERT INTO sluice.secrets (id, inner_key, outer_key)
    VALUES (key_id, inner_block, outer_block) ON CONFLICT (id) DO NOTHING;
  PERFORM FROM sluice.secrets AS s WHERE s.id = key_id AND s.inner_key = inner_block;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = '42710',
      MESSAGE = format('the key %s has another secret already', key_id),
      HINT = 'Give the new secret a new key ID, or drop the old one before.';
  END IF;
END $$;

-- Drops a secret: its tokens are refused from the next statement on (in a transaction that is
-- REPEATABLE READ or SERIALIZABLE, from the next transaction on). Tells whether there was one.
CREATE OR REPLACE FUNCTION sluice.drop_secret(key_id text) RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  DELETE FROM sluice.secrets AS s WHERE s.id = key_id;
  RETURN FOUND;
END $$;

-- The two above run as their caller, who needs the table's privileges: that is its owner.
REVOKE ALL ON FUNCTION sluice.set_secret(text, text), sluice.drop_secret(text) FROM PUBLIC;
GRANT USAGE ON SCHEMA sluice TO PUBLIC;
GRANT EXECUTE ON FUNCTION sluice.tenant() TO PUBLIC;

COMMENT ON SCHEMA sluice IS 'The signed tenant of the connection pooler Sluice';
COMMENT ON TABLE sluice.secrets IS 'Keys that tenant tokens are signed with: for its owner only';
COMMENT ON FUNCTION sluice.tenant() IS
  'The tenant that Sluice signed for this transaction; use it in policies as (SELECT ...)';
COMMENT ON FUNCTION sluice.set_secret(text, text) IS 'Adds a secret under a new key ID';
COMMENT ON FUNCTION sluice.drop_secret(text) IS 'Drops the secret of a key ID';

COMMIT;
