package temporalite

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.uber.org/zap"
)

// NoUI as [Options.UIPort] starts the server without its Web UI.
const NoUI = -1

// Options says what to start. The zero value is a server in memory on free
// loopback ports, with Web UI and the namespace "default".
type Options struct {
	// Host is the IP address the frontend, its HTTP API and the Web UI bind;
	// "" means 127.0.0.1. Other services always bind 127.0.0.1.
	Host string
	// Port of the gRPC frontend; 0 takes a free one.
	Port int
	// UIPort of the Web UI; 0 takes a free one, [NoUI] starts none.
	UIPort int
	// HTTPPort of the frontend's HTTP API (also Nexus); 0 takes a free one.
	HTTPPort int

	// Data is a directory for the database, created when absent and continued
	// when not. "" keeps everything in memory and forgets it with the process.
	Data string
	// PostgreSQL keeps the state instead of Data; nil for SQLite.
	PostgreSQL *PostgreSQL

	// Namespace to create, or to find again in Data; "" means "default".
	Namespace string
	// Retention of closed workflows. 0 means 24 h for a new namespace and
	// leaves an existing one alone.
	Retention time.Duration
	// SearchAttributes exist before the server answers, in a new namespace as
	// well as in one that was created without them. Attributes of the namespace
	// that are not named here are kept.
	SearchAttributes map[string]enumspb.IndexedValueType

	// DynamicConfig overrides server settings by their dotted name, for example
	// "limit.maxIDLength". It wins over this package's own choices.
	DynamicConfig map[string]any

	// Logger receives the server's log; nil writes errors to standard error.
	// Either way nothing is logged once Stop was called: shutting down is noisy
	// by nature and tells nothing.
	Logger *zap.Logger

	// CodecEndpoint is the codec server's URL the Web UI offers its browser, so
	// that encrypted payloads can be read there; "" means none.
	CodecEndpoint string
}

// withDefaults fills the gaps and refuses what cannot work.
func (o Options) withDefaults() (Options, error) {
	o.Host = cmp.Or(o.Host, loopback)
	o.Namespace = cmp.Or(o.Namespace, "default")
	if net.ParseIP(o.Host) == nil {
		return o, fmt.Errorf("temporalite: Host %q is not an IP address", o.Host)
	}
	if o.Port < 0 || o.HTTPPort < 0 || o.UIPort < NoUI {
		return o, fmt.Errorf("temporalite: negative port (Port %d, HTTPPort %d, UIPort %d)", o.Port, o.HTTPPort, o.UIPort)
	}
	if o.Retention < 0 {
		return o, fmt.Errorf("temporalite: negative Retention %s", o.Retention)
	}
	if o.PostgreSQL != nil && o.Data != "" {
		return o, errors.New("temporalite: Data and PostgreSQL are both given: choose one")
	}
	if o.PostgreSQL != nil {
		return o, o.PostgreSQL.problems()
	}
	if o.Data == "" {
		return o, nil
	}
	dir, err := filepath.Abs(o.Data)
	if err != nil {
		return o, fmt.Errorf("temporalite: resolve data directory %q: %w", o.Data, err)
	}
	o.Data = dir
	return o, nil
}
