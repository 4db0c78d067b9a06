CREATE TABLE sip_buddies (
  id INTEGER PRIMARY KEY,
  name VARCHAR(80) NOT NULL UNIQUE,
  type VARCHAR(10) NOT NULL DEFAULT 'friend',
  host VARCHAR(40) NOT NULL DEFAULT 'dynamic',
  secret VARCHAR(80),
  context VARCHAR(80),
  callerid VARCHAR(80),
  disallow VARCHAR(100),
  allow VARCHAR(100),
  dtmfmode VARCHAR(10),
  qualify VARCHAR(7),
  mailbox VARCHAR(50),
  accountcode VARCHAR(20),
  ipaddr VARCHAR(45),
  port INTEGER,
  regseconds INTEGER,
  defaultuser VARCHAR(80),
  fullcontact VARCHAR(255),
  useragent VARCHAR(255),
  regserver VARCHAR(64),
  lastms INTEGER
);
INSERT INTO sip_buddies (name, secret, context, callerid, dtmfmode, qualify) VALUES
  ('121', 'birke121', 'campus', '"Library" <121>', 'rfc2833', 'no'),
  ('122', 'birke122', 'campus', '"Canteen" <122>', 'rfc2833', 'no');
