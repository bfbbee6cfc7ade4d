package temporalite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	persistencespb "go.temporal.io/server/api/persistence/v1"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/persistence/serialization"
	persistencesql "go.temporal.io/server/common/persistence/sql"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/common/resolver"
	"go.temporal.io/server/common/searchattribute/sadefs"
	"go.temporal.io/server/schema/sqlite"
	"google.golang.org/protobuf/types/known/durationpb"
)

const defaultRetention = 24 * time.Hour

// ensureNamespace creates the namespace, or brings an existing one up to the
// options. It works on the database of a server that does not run yet, because
// a running one needs seconds to notice either.
func (s *store) ensureNamespace(ctx context.Context, o Options) error {
	db, err := persistencesql.NewSQLDB(sqlplugin.DbKindUnknown, &s.main,
		resolver.NewNoopResolver(), log.NewNoopLogger(), metrics.NoopMetricsHandler)
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	defer func() { _ = db.Close() }() // drops a reference, closes nothing

	rows, err := db.SelectFromNamespace(ctx, sqlplugin.NamespaceFilter{Name: &o.Namespace})
	if errors.Is(err, sql.ErrNoRows) || (err == nil && len(rows) == 0) {
		return s.createNamespace(o)
	}
	if err != nil {
		return fmt.Errorf("read namespace %q: %w", o.Namespace, err)
	}
	return updateNamespace(ctx, db, rows[0], o)
}

func (s *store) createNamespace(o Options) error {
	ns, err := sqlite.NewNamespaceConfig(clusterName, o.Namespace, false, nil)
	if err != nil {
		return fmt.Errorf("prepare namespace %q: %w", o.Namespace, err)
	}
	o.Retention = cmp.Or(o.Retention, defaultRetention)
	if _, err := adjust(ns.Detail.Config, o); err != nil {
		return err
	}
	// The plugin in the configuration decides what it writes to, whatever the package's name.
	if err := sqlite.CreateNamespaces(&s.main, ns); err != nil {
		return fmt.Errorf("create namespace %q: %w", o.Namespace, err)
	}
	return nil
}

func updateNamespace(ctx context.Context, db sqlplugin.DB, row sqlplugin.NamespaceRow, o Options) error {
	encoding, err := enumspb.EncodingTypeFromString(row.DataEncoding)
	if err != nil {
		return fmt.Errorf("read namespace %q: %w", o.Namespace, err)
	}
	codec := serialization.NewSerializer()
	detail, err := codec.NamespaceDetailFromBlob(&commonpb.DataBlob{Data: row.Data, EncodingType: encoding})
	if err != nil {
		return fmt.Errorf("read namespace %q: %w", o.Namespace, err)
	}
	changed, err := adjust(detail.Config, o)
	if err != nil || !changed {
		return err
	}
	detail.ConfigVersion++
	blob, err := codec.NamespaceDetailToBlob(detail)
	if err != nil {
		return fmt.Errorf("write namespace %q: %w", o.Namespace, err)
	}
	row.Data, row.DataEncoding = blob.Data, blob.EncodingType.String()
	if _, err := db.UpdateNamespace(ctx, &row); err != nil {
		return fmt.Errorf("write namespace %q: %w", o.Namespace, err)
	}
	return nil
}

// adjust writes retention and search attributes into a namespace's settings
// and reports whether that changed anything.
func adjust(c *persistencespb.NamespaceConfig, o Options) (changed bool, err error) {
	if o.Retention > 0 && c.GetRetention().AsDuration() != o.Retention {
		c.Retention = durationpb.New(o.Retention)
		changed = true
	}
	if c.CustomSearchAttributeAliases == nil {
		c.CustomSearchAttributeAliases = map[string]string{}
	}
	columns := sadefs.GetDBIndexSearchAttributes(nil).CustomSearchAttributes
	for _, name := range slices.Sorted(maps.Keys(o.SearchAttributes)) {
		added, err := addSearchAttribute(c.CustomSearchAttributeAliases, columns, name, o.SearchAttributes[name])
		if err != nil {
			return false, fmt.Errorf("search attribute %q in namespace %q: %w", name, o.Namespace, err)
		}
		changed = changed || added
	}
	return changed, nil
}

// addSearchAttribute gives name the first free column of its type. aliases
// maps a column to the name that uses it.
func addSearchAttribute(aliases map[string]string, columns map[string]enumspb.IndexedValueType, name string, kind enumspb.IndexedValueType) (bool, error) {
	if sadefs.IsReserved(name) {
		return false, errors.New("the name is reserved by the server")
	}
	for column, alias := range aliases {
		if alias != name {
			continue
		}
		if columns[column] != kind {
			return false, fmt.Errorf("it exists as %s and cannot become %s", columns[column], kind)
		}
		return false, nil
	}
	count := 0
	for _, column := range slices.Sorted(maps.Keys(columns)) {
		if columns[column] != kind {
			continue
		}
		if _, used := aliases[column]; !used {
			aliases[column] = name
			return true, nil
		}
		count++
	}
	return false, fmt.Errorf("no column of type %s is left (all %d are used)", kind, count)
}
