#!/usr/bin/perl
# DBD::Pg as it comes: a statement that is executed a second time is prepared on the server.
use strict;
use warnings;
use utf8;

use DBD::Pg qw(:pg_types);
use DBI;
use POSIX ();
use Time::HiRes qw(sleep time);

use constant WAIT_SECONDS => 10;

binmode STDOUT, ':encoding(UTF-8)';
$| = 1;

my $count = $ENV{WORKERS} || 8;
my ($scenario, $number, $table, %pipe, @handles);

sub say_line { put_line(join ' | ', map { shown($_) } @_) }

sub put_line {
  my ($text) = @_;
  $text =~ s/\s+/ /g;
  # One write of less than a pipe's buffer, so that lines of several processes do not mix.
  print "line\t$scenario\t$number\t" . substr($text, 0, 3000) . "\n";
}

sub shown {
  my ($value) = @_;
  return 'NULL' unless defined $value;
  return '[' . join(',', map { shown($_) } @$value) . ']' if ref $value eq 'ARRAY';
  return join ' ', map { sprintf '%02x', ord } split //, $value if $value =~ /[^\x20-\x7e]/;
  return $value;
}

sub open_one {
  my ($autocommit) = @_;
  my $handle = DBI->connect(
    'dbi:Pg:', '', '',
    {RaiseError => 1, PrintError => 0, PrintWarn => 0, AutoCommit => $autocommit});
  push @handles, $handle;
  return $handle;
}

sub rows { my ($handle, $query, @values) = @_; $handle->selectall_arrayref($query, undef, @values) }

# Runs what fails, and tells how.
sub failing {
  my ($code) = @_;
  my @got = eval { $code->() };
  if ($@) { say_line('error', $DBI::state) } else { say_line('no error', @got) }
}

sub make_table {
  my ($handle, $columns) = @_;
  $handle->do("DROP TABLE IF EXISTS $table");
  $handle->do("CREATE TABLE $table ($columns)");
}

my %scenarios = (
  types => sub {
    my $handle = open_one(1);
    my $statement = $handle->prepare(
      'SELECT ?::int4, ?::int8, ?::float8, ?::numeric, ?::text, ?::bytea, ?::timestamptz,'
        . ' ?::int4[], ?::text[], ?::jsonb, ?::bool, ?::text');
    for my $turn (0 .. 11) {
      $statement->bind_param(6, join('', map { chr } 0 .. 255), {pg_type => PG_BYTEA});
      my @values = (
        $turn - $number, 2**40 + $number, 0.1 * $turn, '12345678901234567890.12',
        "text ü € \\ '",
        join('', map { chr } 0 .. 255), '2024-02-29 12:30:00.123456+00', [1, $number, undef],
        ['a', 'b,c', undef], '{"a": [1, null]}', $number % 2, undef);
      $statement->execute(@values);
      say_line(@{$statement->fetchrow_arrayref});
      $statement->finish;
    }
  },

  repeated => sub {
    my $handle = open_one(1);
    make_table($handle, 'id int PRIMARY KEY, t text');
    my $insert = $handle->prepare("INSERT INTO $table VALUES (?, ?)");
    $insert->execute($_, "row $_") for 0 .. 29;
    my $select = $handle->prepare("SELECT id, t FROM $table WHERE id = ?");
    my $sum = $handle->prepare('SELECT ?::int + 1');
    for my $turn (0 .. 29) {
      $select->execute($turn);
      say_line($select->fetchall_arrayref);
      $sum->execute($turn + $number);
      say_line($sum->fetchall_arrayref);
      # A new handle each time, which is prepared and deallocated.
      my $brief = $handle->prepare("SELECT ?::int * $turn");
      for (1 .. 3) { $brief->execute($number); say_line($brief->fetchall_arrayref) }
    }
    $handle->begin_work;
    for my $turn (0 .. 29) {
      $sum->execute($turn);
      say_line($sum->fetchall_arrayref);
    }
    $handle->commit;
  },

  transaction => sub {
    my $handle = open_one(0);
    make_table($handle, 'v int');
    $handle->commit;
    my $insert = $handle->prepare("INSERT INTO $table VALUES (?)");
    for my $turn (0 .. 9) {
      $insert->execute($turn * 10 + $_) for 0 .. 4;
      say_line(rows($handle, "SELECT count(*), sum(v) FROM $table"));
      $turn % 2 ? $handle->commit : $handle->rollback;
      say_line(rows($handle, "SELECT count(*), sum(v) FROM $table"));
      $handle->rollback;
    }
  },

  savepoint => sub {
    my $handle = open_one(0);
    make_table($handle, 'v int UNIQUE');
    $handle->commit;
    my $insert = $handle->prepare("INSERT INTO $table VALUES (?)");
    for my $turn (0 .. 7) {
      $insert->execute($turn);
      $handle->pg_savepoint('one');
      failing(sub { $insert->execute($turn) });
      $handle->pg_rollback_to('one');
      $insert->execute(100 + $turn);
      $handle->pg_release('one');
      $handle->commit;
      say_line(rows($handle, "SELECT v FROM $table ORDER BY v"));
      $handle->commit;
    }
  },

  error => sub {
    my $handle = open_one(1);
    make_table($handle, 'v int UNIQUE');
    my $divide = $handle->prepare('SELECT 10 / ?::int');
    for my $turn (0 .. 7) {
      $handle->begin_work;
      $handle->do("INSERT INTO $table VALUES (?)", undef, 100 + $turn);
      for my $by (5, 0, 5) {
        failing(sub { $divide->execute($by); @{$divide->fetchrow_arrayref} });
      }
      $handle->rollback;
      failing(sub { rows($handle, 'SELECT nothing FROM nowhere') });
      failing(sub { rows($handle, 'THIS IS NO SQL') });
      failing(sub { $handle->do("INSERT INTO $table VALUES (?)", undef, int($turn / 2)) });
      failing(sub { $divide->execute(2); @{$divide->fetchrow_arrayref} });
    }
  },

  batch => sub {
    my $handle = open_one(0);
    make_table($handle, 'v int UNIQUE, t text');
    $handle->commit;
    my $insert = $handle->prepare("INSERT INTO $table VALUES (?, ?)");
    for my $turn (0 .. 5) {
      my @values = map { $turn * 100 + $_ } 0 .. 39;
      say_line(scalar $insert->execute_array({}, \@values, 'text'));
      $handle->commit;
      failing(sub { $insert->execute_array({}, [map { 9000 + $_ % 15 } 0 .. 19], 'text') });
      $handle->rollback;
      say_line(rows($handle, "SELECT count(*), sum(v) FROM $table"));
      $handle->commit;
    }
  },

  copy => sub {
    my $handle = open_one(1);
    make_table($handle, 'v int, t text');
    for my $turn (0 .. 4) {
      $handle->do("COPY $table FROM STDIN");
      $handle->pg_putcopydata($turn * 1000 + $_ . "\trow $_\n") for 0 .. 299;
      say_line($handle->pg_putcopyend);
      $handle->do("COPY $table FROM STDIN");
      failing(sub { $handle->pg_putcopydata("not a number\tx\n"); $handle->pg_putcopyend });
      $handle->do("COPY (SELECT * FROM $table) TO STDOUT");
      my ($line, $lines, $bytes) = ('', 0, 0);
      while ($handle->pg_getcopydata($line) >= 0) { $lines++; $bytes += length $line }
      say_line($lines, $bytes);
    }
  },

  cursor => sub {
    my $handle = open_one(0);
    for my $turn (0 .. 3) {
      $handle->do(
        'DECLARE mine CURSOR FOR SELECT g * ?::int FROM generate_series(1, 50) g', undef,
        $number + 1);
      my $fetch = $handle->prepare('FETCH 7 FROM mine');
      for (1 .. 9) { $fetch->execute; say_line($fetch->fetchall_arrayref) }
      $handle->do('CLOSE mine');
      $turn % 2 ? $handle->commit : $handle->rollback;
    }
  },

  settings => sub {
    my $handle = open_one(1);
    say_line(rows($handle, 'SHOW statement_timeout'));
    $handle->do("SET search_path TO s$number, public");
    $handle->do("SET statement_timeout TO '" . (30000 + $number) . "ms'");
    $handle->do("SET TIME ZONE 'Etc/GMT+$number'");
    my $who = $handle->prepare('SELECT name FROM who WHERE name <> ?');
    for (1 .. 20) {
      $who->execute('nobody');
      say_line($who->fetchall_arrayref);
      say_line(rows($handle, 'SHOW statement_timeout'));
      say_line(rows($handle, "SELECT to_char('2024-01-01 12:00+00'::timestamptz, 'HH24:MI')"));
    }
    $handle->do('RESET search_path');
    failing(sub { rows($handle, 'SELECT name FROM who') });
    $handle->do('RESET ALL');
    say_line(rows($handle, 'SHOW statement_timeout'));
  },

  prepare => sub {
    my $handle = open_one(1);
    $handle->do("PREPARE q (int) AS SELECT 'worker $number', \$1 * 2");
    say_line(rows($handle, "EXECUTE q($_)")) for 1 .. 20;
    # A statement that SQL has prepared, run by the protocol.
    my $statement = $handle->prepare('SELECT ?::int', {pg_prepare_name => 'q'});
    for my $turn (1 .. 10) {
      $statement->execute($turn);
      say_line($statement->fetchall_arrayref);
    }
    $handle->do('DEALLOCATE q');
    failing(sub { rows($handle, 'EXECUTE q(1)') });
  },

  alter => sub {
    my $handle = open_one(1);
    make_table($handle, 'v int');
    $handle->do("INSERT INTO $table VALUES (1)");
    my $query = "SELECT * FROM $table WHERE v = ?";
    my $statement = $handle->prepare($query);
    for my $turn (0 .. 3) {
      for (1 .. 10) {
        # The application's answer to a stale plan: prepare it again.
        for my $try (1 .. 5) {
          last if eval { $statement->execute(1) };
          die $@ if $DBI::state ne '0A000' || $try == 5;
          $statement = $handle->prepare($query);
        }
        say_line($statement->fetchall_arrayref);
      }
      $handle->do("ALTER TABLE $table ADD COLUMN c$turn int DEFAULT 5");
    }
  },

  temporary => sub {
    my $handle = open_one(1);
    $handle->do('CREATE TEMPORARY TABLE mine (v int)');
    my $insert = $handle->prepare('INSERT INTO mine VALUES (?)');
    for my $turn (0 .. 11) {
      $insert->execute($number * 100 + $turn);
      say_line(rows($handle, 'SELECT count(*), sum(v) FROM mine'));
    }
    $handle->do('DROP TABLE mine');
    failing(sub { rows($handle, 'SELECT count(*) FROM mine') });
  },

  advisory => sub {
    my $handle = open_one(1);
    my $key = 12_000 + $number;
    my $held = $handle->prepare(
      "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = ?::int8::oid"
        . ' AND pid = pg_backend_pid()');
    for my $turn (0 .. 5) {
      rows($handle, 'SELECT pg_advisory_lock(?)', $key);
      for (1 .. 4) { $held->execute($key); say_line($held->fetchall_arrayref) }
      say_line(rows($handle, 'SELECT pg_advisory_unlock(?)', $key));
    }
  },

  notify => sub {
    my $handle = open_one(1);
    if ($number == 0) {
      $handle->do('LISTEN dbdpg_channel');
      syswrite $pipe{write}, 'x';
      my $deadline = time + WAIT_SECONDS;
      my $found = 0;
      while ($found < 3 && time < $deadline) {
        while (my $notify = $handle->pg_notifies) {
          say_line($notify->[0], $notify->[2]);
          $found++;
        }
        sleep 0.05;
      }
      $handle->do('UNLISTEN *');
      return;
    }
    if ($number == 1) {
      my $wanted = '';
      vec($wanted, fileno $pipe{read}, 1) = 1;
      select($wanted, undef, undef, WAIT_SECONDS) or die "nobody listens\n";
      $handle->do("NOTIFY dbdpg_channel, 'message $_'") for 0 .. 2;
    }
    say_line(rows($handle, 'SELECT ?::int + 1', $_)) for 0 .. 29;
  },

  cancel => sub {
    my $handle = open_one(1);
    for my $turn (0 .. 1) {
      $handle->do('SELECT pg_sleep(20)', {pg_async => PG_ASYNC});
      sleep 0.5;
      say_line($handle->pg_cancel ? 'cancelled' : 'not cancelled');
      say_line(rows($handle, 'SELECT ?::int + 1', $turn));
    }
  },

  disconnect => sub {
    my $handle = open_one(1);
    make_table($handle, 'v int, t text');
    $handle->do("INSERT INTO $table VALUES (1, 'old')");
    for my $turn (0 .. 4) {
      my $child = fork // die "fork: $!";
      if ($child == 0) {
        # A process that ends within a transaction, without a word.
        my $leaving = open_one(0);
        $leaving->do("UPDATE $table SET t = 'lost'");
        POSIX::_exit(0);
      }
      waitpid $child, 0;
      # Waits for the row's lock until the transaction that was left is rolled back.
      $handle->do("UPDATE $table SET t = t || ?", undef, " $turn");
      say_line(rows($handle, "SELECT * FROM $table"));
    }
  },
);

sub work {
  $table = "dbdpg_${scenario}_$number";
  eval { $scenarios{$scenario}->(); 1 } or do {
    my $error = $@;
    put_line("unexpected: $error");
    return;
  };
  for my $handle (@handles) {
    eval { $handle->rollback } unless $handle->{AutoCommit};
    eval { $handle->disconnect; 1 } or put_line("unexpected: $@");
  }
  say_line('done');
}

print "version\t$DBD::Pg::VERSION\n";
for my $name (@ARGV) {
  $scenario = $name;
  pipe $pipe{read}, $pipe{write} or die "pipe: $!";
  my @children;
  for my $index (0 .. $count - 1) {
    my $child = fork // die "fork: $!";
    if ($child == 0) {
      $number = $index;
      work();
      POSIX::_exit(0);
    }
    push @children, $child;
  }
  waitpid $_, 0 for @children;
  print "end\t$name\n";
}
