//go:build postgres

package postgres_test

import (
	"os"
	"testing"

	"offboard/dev/production/installation"
)

func TestMain(m *testing.M) { os.Exit(installation.Main(m)) }
