package offboard_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/offboard"
)

const schemaFile = "report.schema.json"

// object is a part of a JSON Schema; Go writes its members sorted.
type object map[string]any

// enums are the texts that a type may hold.
var enums = map[reflect.Type][]any{
	reflect.TypeFor[offboard.Status](): {offboard.Running, offboard.Planned, offboard.Rejected, offboard.Reinstated, offboard.Completed,
		offboard.Incomplete, offboard.RolledBack, offboard.AlreadyGone},
	reflect.TypeFor[offboard.ScopeState](): {offboard.ScopeWaiting, offboard.ScopeRunning, offboard.ScopeHeld, offboard.ScopeDone,
		offboard.ScopeSkipped, offboard.ScopeFailed},
	reflect.TypeFor[offboard.KeyState](): {offboard.KeyActive, offboard.KeyDisabled, offboard.KeyDeleted, offboard.KeyKept},
	reflect.TypeFor[offboard.Action]():   {offboard.Reset, offboard.Refresh},
	reflect.TypeFor[offboard.Severity](): {offboard.Blocker, offboard.Decision, offboard.Note},
}

// schemaOf describes how a type is encoded; structs become definitions. Other members are allowed: fields are added
// within a version.
func schemaOf(t reflect.Type, defs object) object {
	switch t {
	case reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case reflect.TypeFor[offboard.Duration]():
		return object{"type": "string", "description": "a duration as in 1h30m or 3d"}
	}
	if values := enums[t]; values != nil {
		return object{"type": "string", "enum": values}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return schemaOf(t.Elem(), defs)
	case reflect.Slice:
		return object{"type": []string{"array", "null"}, "items": schemaOf(t.Elem(), defs)}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": schemaOf(t.Elem(), defs)}
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return object{"type": "integer"}
	case reflect.Float64:
		return object{"type": "number"}
	}
	if defs[t.Name()] == nil {
		properties, required := object{}, []string{}
		defs[t.Name()] = object{"type": "object", "properties": properties}
		addProperties(t, properties, &required, defs)
		if len(required) > 0 {
			defs[t.Name()].(object)["required"] = required
		}
	}
	return object{"$ref": "#/$defs/" + t.Name()}
}

func addProperties(t reflect.Type, properties object, required *[]string, defs object) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			addProperties(f.Type, properties, required, defs)
		case f.IsExported() && name != "-":
			properties[name] = schemaOf(f.Type, defs)
			if !strings.Contains(options, "omit") {
				*required = append(*required, name)
			}
		}
	}
}

// TestThePublishedSchemaIsOfThisReport: docs/report.schema.json says what the types say; -update writes it anew.
func TestThePublishedSchemaIsOfThisReport(t *testing.T) {
	defs := object{}
	ref := schemaOf(reflect.TypeFor[offboard.Report](), defs)
	defs["Report"].(object)["properties"].(object)["version"] = object{"const": offboard.ReportVersion}
	want, err := json.MarshalIndent(object{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"$id":     "urn:offboard:report:1",
		"title":   "Report of an offboarding, version 1",
		"$ref":    ref["$ref"], "$defs": defs,
	}, "", "  ")
	require.NoError(t, err)
	want = append(want, '\n')
	file := filepath.Join("..", "..", "docs", schemaFile)
	if *update {
		require.NoError(t, os.WriteFile(file, want, 0o644))
	}
	got, err := os.ReadFile(file)
	require.NoError(t, err, "run the test with -update to write it")
	assert.Empty(t, cmp.Diff(strings.Split(string(got), "\n"), strings.Split(string(want), "\n")))
}

func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	s, err := c.Compile(filepath.Join("..", "..", "docs", schemaFile))
	require.NoError(t, err)
	return s
}

func TestEveryReportFitsTheSchema(t *testing.T) {
	s := schema(t)
	validate := func(data []byte) error {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		require.NoError(t, err)
		return s.Validate(v)
	}
	files, err := filepath.Glob(filepath.Join("testdata", "reports", "*.golden.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.NoError(t, validate(data), file)
	}
	for _, run := range allReports() {
		data, err := json.Marshal(sealed(t, run.report))
		require.NoError(t, err)
		assert.NoError(t, validate(data), run.name)
	}
	for _, wrong := range []string{`{}`, `{"version": 2, "status": "Completed", "message": "", "started": "2026-01-01T00:00:00Z", "ended": "2026-01-01T00:00:00Z", "progress": {}}`} {
		assert.Error(t, validate([]byte(wrong)), wrong)
	}
}
