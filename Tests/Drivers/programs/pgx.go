// pgx as it comes: each statement is prepared by name, and kept in a cache.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgconn"
	"github.com/jackc/pgx/v4"
	"github.com/jackc/pgx/v4/pgxpool"
)

const waitTime = 10 * time.Second

var (
	background = context.Background()
	output     sync.Mutex
)

func write(fields ...string) {
	output.Lock()
	defer output.Unlock()
	fmt.Println(strings.Join(fields, "\t"))
}

type worker struct {
	scenario    string
	number      int
	table       string
	listening   chan struct{}
	connections []*pgx.Conn
}

func (w *worker) say(values ...interface{}) {
	text := ""
	for index, value := range values {
		if index > 0 {
			text += " | "
		}
		text += fmt.Sprint(value)
	}
	write("line", w.scenario, strconv.Itoa(w.number), strings.Join(strings.Fields(text), " "))
}

// check ends the scenario on an error that it does not provoke.
func check(err error) {
	if err != nil {
		panic(err)
	}
}

func state(err error) string {
	var known *pgconn.PgError
	if errors.As(err, &known) {
		return known.Code
	}
	return err.Error()
}

func connect() *pgx.Conn {
	connection, err := pgx.Connect(background, "sslmode=disable")
	check(err)
	return connection
}

func (w *worker) open() *pgx.Conn {
	connection := connect()
	w.connections = append(w.connections, connection)
	return connection
}

// What can run queries: a connection, a transaction or a pool.
type queryer interface {
	Query(context.Context, string, ...interface{}) (pgx.Rows, error)
	Exec(context.Context, string, ...interface{}) (pgconn.CommandTag, error)
}

func query(on queryer, text string, values ...interface{}) (string, error) {
	rows, err := on.Query(background, text, values...)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	found := ""
	for rows.Next() {
		row, err := rows.Values()
		if err != nil {
			return "", err
		}
		found += fmt.Sprint(row)
	}
	return found, rows.Err()
}

func run(on queryer, text string, values ...interface{}) {
	_, err := on.Exec(background, text, values...)
	check(err)
}

func (w *worker) rows(on queryer, text string, values ...interface{}) {
	found, err := query(on, text, values...)
	check(err)
	w.say(found)
}

func (w *worker) failing(on queryer, text string, values ...interface{}) {
	found, err := query(on, text, values...)
	if err == nil {
		w.say("no error", found)
	} else {
		w.say("error", state(err))
	}
}

func (w *worker) makeTable(on queryer, columns string) {
	run(on, "DROP TABLE IF EXISTS "+w.table)
	run(on, "CREATE TABLE "+w.table+" ("+columns+")")
}

func types(w *worker) {
	connection := w.open()
	for turn := 0; turn < 12; turn++ {
		var (
			small        int32
			large        int64
			float        float64
			numeric      string
			text         string
			data         []byte
			when         time.Time
			numbers      []int32
			texts        []string
			object       map[string]interface{}
			truth        bool
			nothing      *string
			at           = time.Date(2024, 2, 29, 12, 30, turn, 123456000, time.UTC)
			arrayOfTexts = []string{"a", "b,c", strconv.Itoa(w.number)}
		)
		check(connection.QueryRow(background,
			"SELECT $1::int4, $2::int8, $3::float8, $4::numeric::text, $5::text, $6::bytea,"+
				" $7::timestamptz, $8::int4[], $9::text[], $10::jsonb, $11::bool, $12::text",
			turn-w.number, int64(1)<<40, float64(turn)/7, "12345678901234567890.12",
			"text \u00fc ' \\", []byte{0, 1, 255}, at, []int32{1, int32(w.number)}, arrayOfTexts,
			map[string]interface{}{"a": 1}, w.number%2 == 0, nil,
		).Scan(&small, &large, &float, &numeric, &text, &data, &when, &numbers, &texts, &object,
			&truth, &nothing))
		w.say(small, large, float, numeric, text, data, when.UTC(), numbers, texts, object, truth,
			nothing == nil)
	}
}

func repeated(w *worker) {
	connection := w.open()
	w.makeTable(connection, "id int PRIMARY KEY, t text")
	for number := 0; number < 30; number++ {
		run(connection, "INSERT INTO "+w.table+" VALUES ($1, $2)", number, fmt.Sprint("row ", number))
	}
	for number := 0; number < 30; number++ {
		w.rows(connection, "SELECT id, t FROM "+w.table+" WHERE id = $1", number)
		w.rows(connection, "SELECT $1::int + 1", number+w.number)
	}
	// A statement under a name of one's own, which is the same in all workers.
	_, err := connection.Prepare(background, "mine", fmt.Sprintf("SELECT $1::int * %d", w.number))
	check(err)
	for number := 0; number < 30; number++ {
		w.rows(connection, "mine", number)
	}
	check(connection.Deallocate(background, "mine"))
	w.failing(connection, "mine", 1)
	// More statements than its cache has places for: old ones are deallocated.
	for number := 0; number < 600; number++ {
		w.rows(connection, fmt.Sprintf("SELECT $1::int + %d", number), w.number)
	}
}

func transaction(w *worker) {
	connection := w.open()
	w.makeTable(connection, "v int")
	for turn := 0; turn < 10; turn++ {
		begun, err := connection.Begin(background)
		check(err)
		for number := 0; number < 5; number++ {
			run(begun, "INSERT INTO "+w.table+" VALUES ($1)", turn*10+number)
		}
		w.rows(begun, "SELECT count(*), sum(v) FROM "+w.table)
		if turn%2 == 1 {
			check(begun.Commit(background))
		} else {
			check(begun.Rollback(background))
		}
		w.rows(connection, "SELECT count(*), sum(v) FROM "+w.table)
	}
}

func savepoint(w *worker) {
	connection := w.open()
	w.makeTable(connection, "v int UNIQUE")
	insert := "INSERT INTO " + w.table + " VALUES ($1)"
	for turn := 0; turn < 8; turn++ {
		begun, err := connection.Begin(background)
		check(err)
		run(begun, insert, turn)
		nested, err := begun.Begin(background)
		check(err)
		w.failing(nested, insert, turn)
		check(nested.Rollback(background))
		nested, err = begun.Begin(background)
		check(err)
		run(nested, insert, 100+turn)
		check(nested.Commit(background))
		check(begun.Commit(background))
		w.rows(connection, "SELECT v FROM "+w.table+" ORDER BY v")
	}
}

func failures(w *worker) {
	connection := w.open()
	w.makeTable(connection, "v int UNIQUE")
	for turn := 0; turn < 8; turn++ {
		begun, err := connection.Begin(background)
		check(err)
		run(begun, "INSERT INTO "+w.table+" VALUES ($1)", 100+turn)
		w.failing(begun, "SELECT 1 / $1::int", 0)
		w.failing(begun, "SELECT $1::int", 1)
		check(begun.Rollback(background))
		w.failing(connection, "SELECT nothing FROM nowhere")
		w.failing(connection, "SELECT 1 / $1::int", 0)
		w.failing(connection, "THIS IS NO SQL")
		w.failing(connection, "INSERT INTO "+w.table+" VALUES ($1) RETURNING v", turn/2)
		w.rows(connection, "SELECT $1::int + 1", turn)
	}
}

func batch(w *worker) {
	connection := w.open()
	w.makeTable(connection, "v int UNIQUE")
	for turn := 0; turn < 8; turn++ {
		queue := &pgx.Batch{}
		for number := 0; number < 40; number++ {
			queue.Queue("INSERT INTO "+w.table+" VALUES ($1)", turn*100+number)
		}
		if turn%2 == 1 {
			// It fails in the middle; all of it is one transaction.
			queue.Queue("INSERT INTO "+w.table+" VALUES ($1)", turn*100)
		}
		queue.Queue("SELECT count(*), sum(v) FROM "+w.table)
		results := connection.SendBatch(background, queue)
		for number := 0; number < 40; number++ {
			_, err := results.Exec()
			check(err)
		}
		var count, sum int
		if err := results.QueryRow().Scan(&count, &sum); err != nil {
			w.say("error", state(err))
		}
		w.say(count, sum)
		if err := results.Close(); err != nil && turn%2 == 0 {
			panic(err)
		}
		w.rows(connection, "SELECT count(*), sum(v) FROM "+w.table)
	}
}

func copyRows(w *worker) {
	connection := w.open()
	w.makeTable(connection, "v int UNIQUE, t text")
	for turn := 0; turn < 5; turn++ {
		rows := [][]interface{}{}
		for number := 0; number < 300; number++ {
			rows = append(rows, []interface{}{int32(turn*1000 + number), fmt.Sprint("row ", number)})
		}
		target := pgx.Identifier{w.table}
		count, err := connection.CopyFrom(
			background, target, []string{"v", "t"}, pgx.CopyFromRows(rows))
		check(err)
		w.say(count)
		_, err = connection.CopyFrom(
			background, target, []string{"v", "t"}, pgx.CopyFromRows(rows))
		w.say("error", state(err))
		out := &bytes.Buffer{}
		tag, err := connection.PgConn().CopyTo(
			background, out, "COPY (SELECT * FROM "+w.table+" ORDER BY v) TO STDOUT")
		check(err)
		w.say(tag, out.Len())
	}
}

func cursor(w *worker) {
	connection := w.open()
	for turn := 0; turn < 4; turn++ {
		begun, err := connection.Begin(background)
		check(err)
		run(begun, "DECLARE mine CURSOR FOR SELECT g * $1::int FROM generate_series(1, 50) g",
			w.number+1)
		for fetch := 0; fetch < 9; fetch++ {
			w.rows(begun, "FETCH 7 FROM mine")
		}
		check(begun.Rollback(background))
	}
}

func settings(w *worker) {
	connection := w.open()
	w.rows(connection, "SHOW statement_timeout")
	run(connection, fmt.Sprintf("SET search_path TO s%d, public", w.number))
	run(connection, fmt.Sprintf("SET statement_timeout TO '%dms'", 30000+w.number))
	run(connection, fmt.Sprintf("SET TIME ZONE 'Etc/GMT+%d'", w.number))
	for turn := 0; turn < 20; turn++ {
		w.rows(connection, "SELECT name FROM who")
		w.rows(connection, "SHOW statement_timeout")
		w.rows(connection, "SELECT to_char('2024-01-01 12:00+00'::timestamptz, 'HH24:MI')")
	}
	run(connection, "RESET search_path")
	w.failing(connection, "SELECT name FROM who LIMIT 1")
	run(connection, "RESET ALL")
	w.rows(connection, "SHOW statement_timeout")
	w.rows(connection, "SHOW timezone")
}

func prepare(w *worker) {
	connection := w.open()
	run(connection, fmt.Sprintf("PREPARE q (int) AS SELECT 'worker %d', $1 * 2", w.number))
	for turn := 0; turn < 20; turn++ {
		w.rows(connection, fmt.Sprintf("EXECUTE q(%d)", turn%3))
	}
	run(connection, "DEALLOCATE q")
	w.failing(connection, "EXECUTE q(100)")
}

func alter(w *worker) {
	connection := w.open()
	w.makeTable(connection, "v int")
	run(connection, "INSERT INTO "+w.table+" VALUES (1)")
	for turn := 0; turn < 4; turn++ {
		for use := 0; use < 12; use++ {
			found, err := query(connection, "SELECT * FROM "+w.table+" WHERE v = $1", 1)
			// It drops a statement whose plan is stale from its cache; the next use is right.
			for tries := 0; err != nil && state(err) == "0A000" && tries < 5; tries++ {
				found, err = query(connection, "SELECT * FROM "+w.table+" WHERE v = $1", 1)
			}
			check(err)
			w.say(found)
		}
		run(connection, fmt.Sprintf("ALTER TABLE %s ADD COLUMN c%d int DEFAULT 5", w.table, turn))
	}
}

func temporary(w *worker) {
	connection := w.open()
	run(connection, "CREATE TEMPORARY TABLE mine (v int)")
	for turn := 0; turn < 12; turn++ {
		run(connection, "INSERT INTO mine VALUES ($1)", w.number*100+turn)
		w.rows(connection, "SELECT count(*), sum(v) FROM mine")
	}
	run(connection, "DROP TABLE mine")
	w.failing(connection, "SELECT count(*) FROM mine LIMIT 1")
}

func advisory(w *worker) {
	connection := w.open()
	key := 11000 + w.number
	for turn := 0; turn < 6; turn++ {
		run(connection, "SELECT pg_advisory_lock($1)", key)
		for use := 0; use < 4; use++ {
			w.rows(connection, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"+
				" AND objid = $1::int8::oid AND pid = pg_backend_pid()", key)
		}
		w.rows(connection, "SELECT pg_advisory_unlock($1)", key)
	}
}

func notify(w *worker) {
	connection := w.open()
	limited, end := context.WithTimeout(background, waitTime)
	defer end()
	if w.number == 0 {
		run(connection, "LISTEN pgx_channel")
		close(w.listening)
		for count := 0; count < 3; count++ {
			found, err := connection.WaitForNotification(limited)
			check(err)
			w.say(found.Channel, found.Payload)
		}
		run(connection, "UNLISTEN *")
		return
	}
	if w.number == 1 {
		select {
		case <-w.listening:
		case <-limited.Done():
			check(limited.Err())
		}
		for number := 0; number < 3; number++ {
			run(connection, "SELECT pg_notify('pgx_channel', $1)", fmt.Sprint("message ", number))
		}
	}
	for number := 0; number < 30; number++ {
		w.rows(connection, "SELECT $1::int + 1", number)
	}
}

func cancel(w *worker) {
	connection := w.open()
	for turn := 0; turn < 2; turn++ {
		ended := make(chan error, 1)
		go func() {
			_, err := connection.Exec(background, "SELECT pg_sleep(20)")
			ended <- err
		}()
		var err error
		for tries, pause := 0, 500*time.Millisecond; tries < 3; tries++ {
			select {
			case err = <-ended:
				tries = 3
			case <-time.After(pause):
				// Again if the first one came too early.
				check(connection.PgConn().CancelRequest(background))
				pause = 3 * time.Second
			}
		}
		if err == nil {
			err = <-ended
		}
		w.say("error", state(err))
		w.rows(connection, "SELECT $1::int + 1", turn)
		// Its own way to end a query is to break the connection off.
		leaving := connect()
		limited, end := context.WithTimeout(background, 500*time.Millisecond)
		_, err = leaving.Exec(limited, "SELECT pg_sleep(1)")
		end()
		w.say(err != nil, leaving.IsClosed())
		w.rows(connection, "SELECT $1::int + 1", turn)
	}
}

func pool(w *worker) {
	configuration, err := pgxpool.ParseConfig("sslmode=disable pool_max_conns=3")
	check(err)
	made, err := pgxpool.ConnectConfig(background, configuration)
	check(err)
	defer made.Close()
	w.makeTable(made, "v int UNIQUE")
	insert := "INSERT INTO " + w.table + " VALUES ($1)"
	for turn := 0; turn < 8; turn++ {
		var all sync.WaitGroup
		failed := make(chan error, 5)
		for number := 0; number < 5; number++ {
			all.Add(1)
			go func(number int) {
				defer all.Done()
				_, err := made.Exec(background, insert, turn*10+number)
				failed <- err
			}(number)
		}
		all.Wait()
		for number := 0; number < 5; number++ {
			check(<-failed)
		}
		// Given back within a transaction: the pool closes that connection.
		lent, err := made.Acquire(background)
		check(err)
		run(lent, "BEGIN")
		run(lent, insert, 1000+turn)
		lent.Release()
		w.rows(made, "SELECT count(*), sum(v) FROM "+w.table)
	}
}

func disconnect(w *worker) {
	first := w.open()
	w.makeTable(first, "v int, t text")
	run(first, "INSERT INTO "+w.table+" VALUES (1, 'old')")
	for turn := 0; turn < 5; turn++ {
		leaving := connect()
		run(leaving, "BEGIN")
		run(leaving, "UPDATE "+w.table+" SET t = 'lost'")
		if turn%2 == 0 {
			check(leaving.PgConn().Conn().(*net.TCPConn).Close())
		} else {
			check(leaving.Close(background))
		}
		// Waits for the row's lock until the transaction that was left is rolled back.
		run(first, "UPDATE "+w.table+" SET t = t || $1", fmt.Sprint(" ", turn))
		w.rows(first, "SELECT * FROM "+w.table)
	}
}

var scenarios = map[string]func(*worker){
	"types": types, "repeated": repeated, "transaction": transaction, "savepoint": savepoint,
	"error": failures, "batch": batch, "copy": copyRows, "cursor": cursor, "settings": settings,
	"prepare": prepare, "alter": alter, "temporary": temporary, "advisory": advisory,
	"notify": notify, "cancel": cancel, "pool": pool, "disconnect": disconnect,
}

func work(w *worker) {
	defer func() {
		if problem := recover(); problem != nil {
			w.say("unexpected:", problem)
		}
		for _, connection := range w.connections {
			connection.Close(background)
		}
	}()
	scenarios[w.scenario](w)
	w.say("done")
}

func main() {
	count, err := strconv.Atoi(os.Getenv("WORKERS"))
	if err != nil {
		count = 8
	}
	write("version", "4")
	for _, name := range os.Args[1:] {
		listening := make(chan struct{})
		var all sync.WaitGroup
		for number := 0; number < count; number++ {
			all.Add(1)
			go func(number int) {
				defer all.Done()
				work(&worker{
					scenario: name, number: number, table: fmt.Sprintf("pgx_%s_%d", name, number),
					listening: listening})
			}(number)
		}
		all.Wait()
		write("end", name)
	}
}
