package door

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"offboard/internal/offboard"
)

// fieldReader reads the fields of JSON objects and goes on after each problem.
type fieldReader struct{ problems []string }

func (r *fieldReader) add(format string, args ...any) {
	r.problems = append(r.problems, fmt.Sprintf(format, args...))
}

func (r *fieldReader) object(what string, data []byte) map[string]json.RawMessage {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil || fields == nil {
		r.add("%s must be a JSON object", what)
		return nil
	}
	return fields
}

func (r *fieldReader) inner(fields map[string]json.RawMessage, prefix, name string) map[string]json.RawMessage {
	raw, given := fields[name]
	if !given {
		r.add("%q is missing", prefix+name)
		return nil
	}
	return r.object(fmt.Sprintf("%q", prefix+name), raw)
}

func (r *fieldReader) known(fields map[string]json.RawMessage, prefix string, names ...string) {
	var wrong []string
	for name := range fields {
		if !slices.Contains(names, name) {
			wrong = append(wrong, name)
		}
	}
	slices.Sort(wrong)
	for _, name := range wrong {
		hint := ": known are " + strings.Join(names, ", ")
		if near := offboard.SimilarTo(name, names); len(near) > 0 {
			hint = fmt.Sprintf(": did you mean %q?", prefix+near[0])
		}
		r.add("unknown field %q%s", prefix+name, hint)
	}
}

// text reads a text. One that may be left out may be null too.
func (r *fieldReader) text(fields map[string]json.RawMessage, prefix, name string, needed bool) string {
	raw, given := fields[name]
	if !given || !needed && string(raw) == "null" {
		if needed {
			r.add("%q is missing", prefix+name)
		}
		return ""
	}
	var value *string
	if err := json.Unmarshal(raw, &value); err != nil || value == nil || needed && *value == "" {
		r.add("%q must be text", prefix+name)
		return ""
	}
	return *value
}

// time reads a moment. One that is null is a problem even where it may be left out: somebody meant to give a day.
func (r *fieldReader) time(fields map[string]json.RawMessage, prefix, name string, needed bool) time.Time {
	raw, given := fields[name]
	if !given {
		if needed {
			r.add("%q is missing", prefix+name)
		}
		return time.Time{}
	}
	var value time.Time
	if err := json.Unmarshal(raw, &value); err != nil || value.IsZero() {
		r.add("%q must be a time with zone like \"2026-12-31T17:00:00+01:00\"", prefix+name)
	}
	return value
}

// flag reads true or false; absent is false.
func (r *fieldReader) flag(fields map[string]json.RawMessage, prefix, name string) bool {
	raw, given := fields[name]
	if !given {
		return false
	}
	var value *bool
	if err := json.Unmarshal(raw, &value); err != nil || value == nil {
		r.add("%q must be true or false", prefix+name)
		return false
	}
	return *value
}

// texts reads an object of texts; absent or null is none.
func (r *fieldReader) texts(fields map[string]json.RawMessage, name string) map[string]string {
	raw, given := fields[name]
	if !given {
		return nil
	}
	var value map[string]string
	if err := json.Unmarshal(raw, &value); err != nil {
		r.add("%q must be an object of texts", name)
	}
	return value
}
