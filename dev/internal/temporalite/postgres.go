package temporalite

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/persistence"
	persistencesql "go.temporal.io/server/common/persistence/sql"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/postgresql"
	"go.temporal.io/server/common/resolver"
	"go.temporal.io/server/schema"
)

// PostgreSQL is a database server that keeps a Temporal server's state. Give each Temporal server a database of its own:
// unlike a data directory it is not locked, and two servers on one take the shards from each other for ever.
type PostgreSQL struct {
	// Address is its host:port. The connection is not encrypted.
	Address string
	// User must be allowed to create databases, unless both exist.
	User     string
	Password string
	// Database is created when absent and continued when not, and so is the one for visibility, whose name is the same
	// with _visibility behind it.
	Database string
}

const (
	// postgresShards is what a small installation has. Fixed for the life of a database.
	postgresShards = 4
	// connections of each of the four services to each of the two databases: together they stay below the hundred that
	// PostgreSQL allows unless it is told otherwise.
	connections = 8
)

// problems are what makes a description unusable, all of them.
func (p PostgreSQL) problems() error {
	var errs []error
	for _, field := range []struct{ name, value string }{{"Address", p.Address}, {"User", p.User}, {"Database", p.Database}} {
		if field.value == "" {
			errs = append(errs, fmt.Errorf("temporalite: PostgreSQL needs %s", field.name))
		}
	}
	return errors.Join(errs...)
}

func (p PostgreSQL) sql(database string) config.SQL {
	return config.SQL{
		PluginName: postgresql.PluginNamePGX, ConnectProtocol: "tcp", ConnectAddr: p.Address,
		User: p.User, Password: p.Password, DatabaseName: database,
		MaxConns: connections, MaxIdleConns: connections,
	}
}

// openPostgres creates what is missing of the two databases and their schemas.
func openPostgres(p PostgreSQL) (*store, error) {
	s := &store{shards: postgresShards, main: p.sql(p.Database), visibility: p.sql(p.Database + "_visibility")}
	for _, part := range []struct {
		kind   sqlplugin.DbKind
		db     config.SQL
		schema string
	}{
		{sqlplugin.DbKindMain, s.main, "temporal"},
		{sqlplugin.DbKindVisibility, s.visibility, "visibility"},
	} {
		if err := setUp(part.kind, part.db, part.schema); err != nil {
			return nil, fmt.Errorf("set up database %s at %s: %w", part.db.DatabaseName, p.Address, err)
		}
	}
	return s, nil
}

func setUp(kind sqlplugin.DbKind, db config.SQL, name string) (err error) {
	anyDatabase := db
	anyDatabase.DatabaseName = ""
	if err := administer(kind, anyDatabase, func(a sqlplugin.AdminDB) error { return a.CreateDatabase(db.DatabaseName) }); err != nil {
		return fmt.Errorf("create it: %w", err)
	}
	return administer(kind, db, func(a sqlplugin.AdminDB) error {
		tables, err := a.ListTables(db.DatabaseName)
		switch {
		case err != nil:
			return fmt.Errorf("list its tables: %w", err)
		case len(tables) == 0:
			return writeSchema(a, db.DatabaseName, name)
		case !slices.Contains(tables, "schema_version"):
			return fmt.Errorf("%w: it has tables and no version, so it belongs to something else or its set-up was broken off: drop it or choose another", ErrSchema)
		}
		if err := a.VerifyVersion(); err != nil {
			return fmt.Errorf("%w: %w", ErrSchema, err)
		}
		return nil
	})
}

func administer(kind sqlplugin.DbKind, db config.SQL, do func(sqlplugin.AdminDB) error) (err error) {
	admin, err := persistencesql.NewSQLAdminDB(kind, &db, resolver.NewNoopResolver(), log.NewNoopLogger(), metrics.NoopMetricsHandler)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { err = errors.Join(err, admin.Close()) }()
	return do(admin)
}

// writeSchema writes the schema that the server's module brings along. The version comes last: without it a set-up that
// was broken off shows.
func writeSchema(a sqlplugin.AdminDB, database, name string) error {
	path := "postgresql/v12/" + name + "/schema.sql"
	file, err := schema.Assets().Open(path)
	if err != nil {
		return fmt.Errorf("open schema: %w", err)
	}
	defer func(f fs.File) { _ = f.Close() }(file)
	statements, err := persistence.LoadAndSplitQueryFromReaders([]io.Reader{file})
	if err != nil {
		return fmt.Errorf("read schema %s: %w", path, err)
	}
	for _, stmt := range statements {
		if err := a.Exec(stmt); err != nil {
			return fmt.Errorf("create schema: %w", err)
		}
	}
	if err := a.CreateSchemaVersionTables(); err != nil {
		return fmt.Errorf("record schema: %w", err)
	}
	if err := a.UpdateSchemaVersion(database, a.ExpectedVersion(), a.ExpectedVersion()); err != nil {
		return fmt.Errorf("record schema: %w", err)
	}
	return nil
}
