package temporalite

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	sqliteplugin "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/schema/sqlite"
)

// ErrDataInUse says that another server, in this process or another, has the
// data directory open.
var ErrDataInUse = errors.New("data directory is in use by another server")

// ErrSchema says that a data directory was written with another schema than
// this server's; the server has no migration for it.
var ErrSchema = errors.New("data directory was written by another server version")

const (
	databaseFile = "temporal.db"
	lockFile     = "temporal.lock"
)

// store is where a server keeps its state, ready to be opened by it.
type store struct {
	main, visibility config.SQL
	shards           int32   // of history, fixed for the life of a database
	lock             *sql.DB // nil unless there is a data directory
}

// sqliteStore keeps everything in one database. SQLite has one writer, so more
// shards would only wait for it.
func sqliteStore(db config.SQL) *store { return &store{main: db, visibility: db, shards: 1} }

// openStore opens what the options name: a PostgreSQL server, a data directory,
// or else memory.
func openStore(ctx context.Context, o Options) (*store, error) {
	switch {
	case o.PostgreSQL != nil:
		return openPostgres(*o.PostgreSQL)
	case o.Data != "":
		return openData(ctx, o.Data)
	}
	return sqliteStore(config.SQL{
		PluginName: sqliteplugin.PluginName,
		// The name keeps servers of one process apart; the server writes the
		// schema into a database in memory by itself.
		DatabaseName:      rand.Text(),
		ConnectAttributes: map[string]string{"mode": "memory", "cache": "shared"},
	}), nil
}

func openData(ctx context.Context, dir string) (*store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create data directory: %w", err)
	}
	lock, err := lockData(ctx, dir)
	if err != nil {
		return nil, err
	}
	s := sqliteStore(config.SQL{
		PluginName:   sqliteplugin.PluginName,
		DatabaseName: escape(filepath.Join(dir, databaseFile)),
		ConnectAttributes: map[string]string{
			"mode": "rwc", "journal_mode": "wal", "synchronous": "1", "busy_timeout": "10000",
		},
	})
	s.lock = lock
	if err := ensureSchema(ctx, dir); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// close gives the directory free. The database connection itself belongs to
// the server library, which keeps it until the process ends.
func (s *store) close() error {
	if s.lock == nil {
		return nil
	}
	if err := s.lock.Close(); err != nil {
		return fmt.Errorf("unlock data directory: %w", err)
	}
	return nil
}

// lockData takes the directory for this server. The lock is SQLite's own on an
// empty file: it works on every platform and dies with the process, however
// the process dies.
func lockData(ctx context.Context, dir string) (*sql.DB, error) {
	db, err := openFile(filepath.Join(dir, lockFile))
	if err != nil {
		return nil, err
	}
	if _, err = db.ExecContext(ctx, "BEGIN EXCLUSIVE"); err == nil {
		return db, nil
	}
	if busy(err) {
		err = fmt.Errorf("%w: %s", ErrDataInUse, dir)
	}
	return nil, errors.Join(fmt.Errorf("lock data directory: %w", err), db.Close())
}

// busy reports SQLite's "database is locked" (SQLITE_BUSY).
func busy(err error) bool {
	type coded interface {
		error
		Code() int
	}
	sqliteErr, ok := errors.AsType[coded](err)
	return ok && sqliteErr.Code()&0xff == 5
}

// ensureSchema writes the schema into an empty database in one transaction, so
// that a kill in between leaves an empty database and not half of one, and
// checks it in any other.
func ensureSchema(ctx context.Context, dir string) (err error) {
	// A start that was broken off may still be rolling back: wait for it, and ask for the right to write at once,
	// because SQLite does not wait where a reader turns into a writer.
	db, err := openFile(filepath.Join(dir, databaseFile), "_pragma=busy_timeout(10000)", "_txlock=immediate")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()

	var schema statements
	if err := sqlite.SetupSchemaOnDB(&schema); err != nil {
		return fmt.Errorf("read schema: %w", err)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	defer func() { _ = tx.Rollback() }()

	var tables int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master").Scan(&tables); err != nil {
		return fmt.Errorf("read database %s: %w", databaseFile, err)
	}
	if tables > 0 {
		return checkSchema(ctx, tx, schema.fingerprint(), dir)
	}
	for _, stmt := range schema.list {
		if _, err := tx.ExecContext(ctx, stmt); err != nil {
			return fmt.Errorf("create schema: %w", err)
		}
	}
	if _, err := tx.ExecContext(ctx, "CREATE TABLE temporalite_schema AS SELECT ? AS fingerprint", schema.fingerprint()); err != nil {
		return fmt.Errorf("record schema: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit schema: %w", err)
	}
	return nil
}

func checkSchema(ctx context.Context, tx *sql.Tx, want, dir string) error {
	var got string
	err := tx.QueryRowContext(ctx, "SELECT fingerprint FROM temporalite_schema").Scan(&got)
	if err != nil || got != want {
		return fmt.Errorf("%w, and there is no migration: remove %s or choose another directory", ErrSchema, dir)
	}
	return nil
}

// statements collects what the server would execute to set up a database.
type statements struct {
	sqlplugin.AdminDB // only Exec is called
	list              []string
}

// Exec collects instead of executing.
func (s *statements) Exec(stmt string, _ ...any) error {
	s.list = append(s.list, stmt)
	return nil
}

func (s *statements) fingerprint() string {
	h := sha256.New()
	for _, stmt := range s.list {
		_, _ = h.Write(append([]byte(stmt), 0)) // a hash never fails
	}
	return hex.EncodeToString(h.Sum(nil))
}

// openFile uses the driver that the server's SQLite plugin registers.
func openFile(path string, options ...string) (*sql.DB, error) {
	query := strings.Join(append([]string{"mode=rwc"}, options...), "&")
	db, err := sql.Open("sqlite", "file:"+escape(path)+"?"+query)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	// One connection: what is begun on it is also what is asked of it.
	db.SetMaxOpenConns(1)
	return db, nil
}

// escape makes a path safe inside SQLite's file: URI.
func escape(path string) string {
	return (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()
}
