package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/corsgate/corsgate/internal/app"
	"github.com/corsgate/corsgate/internal/config"
	"github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/redisstore"
	"github.com/corsgate/corsgate/tenant/store"
)

const (
	// redisStart bounds the time until Redis answers.
	redisStart = 10 * time.Second
	// redisTries is how many ports are tried: another program may be quicker.
	redisTries = 3
	// redisCall bounds a few calls in a row.
	redisCall = 5 * time.Second
)

// database is the Redis of the demo with the tenants in it. The user may kill it: then the
// demo goes on.
type database struct {
	*child
	program string
	dir     string
	addr    string // host:port
	store   *redisstore.Store
	// ids are the tenants of the tenants file as it was at the start.
	ids []string
}

// startRedis runs a Redis in the demo's directory, which keeps what it is given.
func (d *demo) startRedis(ctx context.Context) error {
	if !d.o.Redis {
		return nil
	}
	db := &database{program: d.o.RedisServer, dir: filepath.Join(d.dir, "redis")}
	if err := os.MkdirAll(db.dir, 0o750); err != nil {
		return fmt.Errorf("starting redis: %w", err)
	}
	if err := db.start(ctx); err != nil {
		return err
	}
	d.later(db.stop)
	var err error
	db.store, err = app.OpenRedis(config.Redis{URL: db.url(), Prefix: config.DefaultRedisPrefix}, slog.New(slog.DiscardHandler)) //nolint:contextcheck // connections outlive the start
	if err != nil {
		return err
	}
	d.later(db.store.Close)
	d.database = db
	d.ready.Redis = &ReadyRedis{
		URL: db.url(), PID: db.pid(),
		Apply: strings.Join([]string{d.o.Program, "tenant apply --redis", db.url(), "-f", d.ready.Tenants, "--write"}, " "),
		Kill:  fmt.Sprintf("kill -9 %d", db.pid()),
		Start: db.program + " " + db.conf(),
	}
	return nil
}

func (db *database) conf() string { return filepath.Join(db.dir, "redis.conf") }
func (db *database) url() string  { return "redis://" + db.addr }

// start runs the program on a free port and waits until it answers there.
func (db *database) start(ctx context.Context) error {
	var failed error
	for range redisTries {
		if failed = db.try(ctx); failed == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return failed
}

func (db *database) try(ctx context.Context) error {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // returns at once
	if err != nil {
		return fmt.Errorf("finding a port for redis: %w", err)
	}
	db.addr = l.Addr().String()
	_, port, err := net.SplitHostPort(db.addr)
	if err := errors.Join(err, l.Close()); err != nil {
		return fmt.Errorf("finding a port for redis: %w", err)
	}
	conf := strings.Join([]string{
		"bind 127.0.0.1", "port " + port, "dir " + strconv.Quote(db.dir), "appendonly yes", `save ""`, "",
	}, "\n")
	if err := os.WriteFile(db.conf(), []byte(conf), 0o600); err != nil {
		return fmt.Errorf("writing the configuration of redis: %w", err)
	}
	db.child, err = startChild(ctx, program{
		name: "redis", path: db.program, args: []string{db.conf()}, log: filepath.Join(db.dir, "redis.log"),
	})
	if err != nil {
		return err
	}
	if err := db.await(ctx); err != nil {
		return errors.Join(err, db.stop())
	}
	return nil
}

// await waits until Redis answers.
func (db *database) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, redisStart)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ping(ctx, db.addr)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-db.done:
			return fmt.Errorf("starting redis: it %w", db.end())
		case <-ctx.Done():
			return fmt.Errorf("waiting for redis: %w: %w", ctx.Err(), err)
		}
	}
}

// ping asks a Redis whether it answers.
func ping(ctx context.Context, addr string) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	line, err := bufio.NewReaderSize(conn, 64).ReadString('\n')
	if err != nil {
		return err
	}
	if line != "+PONG\r\n" {
		return fmt.Errorf("it answered %q", line)
	}
	return nil
}

// fillRedis writes the tenants file to Redis, as corsgate tenant apply does.
func (d *demo) fillRedis(ctx context.Context) error {
	if !d.o.Redis {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, redisCall)
	defer cancel()
	text, err := os.ReadFile(d.ready.Tenants)
	if err != nil {
		return fmt.Errorf("reading the demo's tenants: %w", err)
	}
	good, _, problems := document.Decode(d.ready.Tenants, text)
	if err := problems.Err(); err != nil {
		return err
	}
	if err := d.database.fill(ctx, good); err != nil {
		return fmt.Errorf("writing the demo's tenants to redis: %w", err)
	}
	read := d.database.text
	d.tenants, err = openDocument(ctx, documentView{Path: d.ready.Tenants, Command: d.ready.Redis.Apply}, read)
	return err
}

func (db *database) fill(ctx context.Context, docs []*document.Document) error {
	for _, doc := range docs {
		db.ids = append(db.ids, doc.Tenant.GetId())
	}
	// A kept directory has the tenants of the last run.
	stored, err := db.store.Documents(ctx, db.ids)
	if err != nil {
		return err
	}
	edits := make([]store.Edit, len(docs))
	for i, doc := range docs {
		edits[i] = store.Edit{ID: db.ids[i], Tenant: doc.Tenant, Base: revision(stored.All[i])}
	}
	_, err = db.store.Apply(ctx, edits, store.Author{By: "corsgate demo", Reason: "the demo was started", Kind: store.KindApply})
	return err
}

// revision of a stored document that an edit starts from.
func revision(d store.Document) int64 {
	r := document.ParseStored(d.ID, d.Data).Record
	if r == nil || r.Deleted() {
		return 0
	}
	return r.Revision()
}

// text is what Redis holds of the demo's tenants, for people.
func (db *database) text(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, redisCall)
	defer cancel()
	stored, err := db.store.Documents(ctx, db.ids)
	if err != nil {
		return "", err
	}
	var parts []string
	for _, s := range stored.All {
		doc, err := document.Parse(s.ID, s.Data)
		if err != nil {
			parts = append(parts, string(s.Data)+"\n")
			continue
		}
		text, err := document.MarshalYAML(doc.Tenant)
		if err != nil {
			return "", err
		}
		parts = append(parts, string(text))
	}
	return strings.Join(parts, "---\n"), nil
}

// caughtUp reports whether corsgate has taken in all that Redis announced up to at.
func caughtUp(r app.Readiness, at store.Position) bool {
	if r.Redis == nil {
		return false
	}
	taken, err := store.ParsePosition(r.Redis.Position)
	return err == nil && !taken.Before(at)
}

// taken waits until corsgate has taken in what Redis holds now.
func (p *processor) taken(ctx context.Context, db *database) error {
	ctx, cancel := context.WithTimeout(ctx, applyBound)
	defer cancel()
	head, err := db.store.Head(ctx)
	if err != nil {
		return err
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		now, err := p.readiness(ctx)
		if err == nil {
			p.seen = now
			if caughtUp(now, head.Last) {
				return problems(now)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return problems(p.seen)
		}
	}
}
