package ibmsim

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The document for users names every field of an account file and of a fault, every control call, every shipped account
// and every trap, and no file that does not exist.
func TestTheDocumentIsComplete(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "simulator.md"))
	require.NoError(t, err)
	document := string(text)
	for _, name := range fieldNames(reflect.TypeFor[Account](), "yaml", map[reflect.Type]bool{}) {
		require.Contains(t, document, "`"+name, "account file field %s", name)
	}
	for _, name := range fieldNames(reflect.TypeFor[Fault](), "json", map[reflect.Type]bool{}) {
		if name != "id" {
			require.Contains(t, document, "`"+name+"`", "fault field %s", name)
		}
	}
	for _, rt := range controlRoutes() {
		require.Contains(t, document, "/sim"+rt.path)
	}
	for _, name := range Shipped() {
		require.Contains(t, document, "`"+name+"`")
	}
	for n := 1; n <= 60; n++ {
		require.Regexp(t, fmt.Sprintf(`(?m)^\| %02d \| .+ \| .+ \| .*(doc|SDK|run|code|issue|inferred|not found).* \|$`, n), document)
	}
	for _, name := range regexp.MustCompile(`[a-z_]+\.go\b`).FindAllString(document, -1) {
		require.FileExists(t, name)
	}
}

func fieldNames(t reflect.Type, tag string, seen map[reflect.Type]bool) []string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || seen[t] {
		return nil
	}
	seen[t] = true
	var names []string
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get(tag), ",")
		if name == "" {
			continue
		}
		names = append(names, name)
		names = append(names, fieldNames(f.Type, tag, seen)...)
	}
	return names
}
