package main

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/offboard"
)

func people(t *testing.T, file string, defaults map[string]any) []leaver {
	t.Helper()
	list, err := readLeavers("leavers.csv", []byte(file), defaults, now)
	require.NoError(t, err)
	return list
}

func TestLeaversAreRead(t *testing.T) {
	list := people(t, "\ufeffUser; LastDay ;functionalids;soak;Reason;removeUser\r\n"+
		"a@acme.example;2026-12-31T17:00:00+01:00;\"clusters-1@acme.example;clusters-2@acme.example\";2d;\"a; \"\"b\"\"\nc\";FALSE\r\n"+
		"\r\n;;;;;\r\n"+
		" IBMid-000000TEST ;;;;;\r\n", map[string]any{"ticket": "HR-1", "soak": "6h"})
	require.Len(t, list, 2)
	assert.Equal(t, 2, list[0].line)
	assert.Equal(t, 6, list[1].line, "lines of the file, not rows")
	first := list[0].request
	assert.Equal(t, "a@acme.example", first.User)
	assert.Equal(t, "2026-12-31T16:00:00Z", first.LastDay.UTC().Format(time.RFC3339))
	assert.Equal(t, []string{"clusters-1@acme.example", "clusters-2@acme.example"}, first.FunctionalIDs)
	assert.Equal(t, 48*time.Hour, first.Soak.Std(), "what stands in the line comes before the flag")
	assert.Equal(t, "a; \"b\"\nc", first.Reason)
	assert.False(t, first.RemoveUser)
	assert.Equal(t, "HR-1", first.Ticket)
	assert.Equal(t, offboard.ApprovalRequired, first.Approval)
	assert.Equal(t, 6*time.Hour, list[1].request.Soak.Std())
	assert.True(t, list[1].request.RemoveUser)
}

func TestLeaversOfOneColumnAndOfCommas(t *testing.T) {
	assert.Len(t, people(t, "user\na@acme.example\nb@acme.example", nil), 2)
	list := people(t, "user,functionalIds\na@acme.example,c1@acme.example;c2@acme.example\n", nil)
	assert.Len(t, list[0].request.FunctionalIDs, 2)
}

func TestAllThatIsWrongWithAFileIsListedAtOnce(t *testing.T) {
	_, err := readLeavers("leavers.csv", []byte(`user,lastDay,solk,lastday,
nobody,tomorrow,1h,,
a@acme.example,,,,
A@ACME.example,,,,
b@acme.example,,
c@acme.example,2001-01-01T00:00:00Z,,,
"d"x,,,,
,2026-12-31T17:00:00Z,,,
`), nil, now)
	invalid, yes := errors.AsType[*invalidFile](err)
	require.True(t, yes)
	for _, want := range []string{
		`line 1: unknown column "solk"`, `line 1: column "lastday" is there twice`, `line 1: column 5 has no name`,
		`line 2: "user" "nobody" is neither`, `line 2: "lastDay" must be a time`,
		`line 4: A@ACME.example is in line 3 already`,
		`line 5: it has 3 cells, the header row has 5`,
		`line 6: "lastDay" 2001-01-01T00:00:00Z is more than a year ago`,
		`line 7: extraneous or missing " in quoted-field`,
		`line 8: "user" is missing`,
	} {
		assert.Contains(t, strings.Join(invalid.problems, "\n"), want)
	}
	assert.Len(t, invalid.problems, 10)
	assert.Contains(t, err.Error(), "leavers.csv has 10 problems, nothing was started")
	assert.Contains(t, err.Error(), leaversExample)
}

func TestFilesThatAreNoFiles(t *testing.T) {
	for name, c := range map[string]struct{ file, want string }{
		"empty":       {"", "the file is empty"},
		"blank":       {"\n\n", "the file is empty"},
		"header only": {"user,ticket\n", "names nobody"},
		"no header":   {"a@acme.example\nb@acme.example\n", `line 1: there is no column "user"`},
		"UTF-16":      {"\xff\xfeu\x00s\x00e\x00r\x00", "line 1: this is not UTF-8"},
		"Latin-1":     {"user,reason\na@acme.example,K\xfcndigung\n", "line 2: this is not UTF-8"},
		"open quote":  {"user,reason\na@acme.example,\"x\n", "line 2"},
		"a workbook":  {"PK\x03\x04\x00", "this is not UTF-8 text: save the file as CSV"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readLeavers("leavers.csv", []byte(c.file), nil, now)
			require.Error(t, err)
			assert.Contains(t, err.Error(), c.want)
		})
	}
}

func TestTheExampleOfAFileIsCorrect(t *testing.T) {
	list := people(t, leaversExample, nil)
	require.Len(t, list, 2)
	assert.Len(t, list[0].request.FunctionalIDs, 2)
}

// TestEveryFieldOfTheInputIsAColumnAndAFlag fails when the input gets a field that files or flags do not know.
func TestEveryFieldOfTheInputIsAColumnAndAFlag(t *testing.T) {
	data, err := json.Marshal(offboard.Request{LastDay: now, FunctionalIDs: []string{"a"}, Account: "a", Reason: "a", Ticket: "a", RequestedBy: "a", Urgent: true})
	require.NoError(t, err)
	var input map[string]any
	require.NoError(t, json.Unmarshal(data, &input))
	assert.Len(t, fields, len(input))
	assert.Len(t, columns, len(input))
	for name := range input {
		assert.Contains(t, columns, name)
	}
	for _, name := range fields {
		assert.Contains(t, input, name)
	}
}

func FuzzLeavers(f *testing.F) {
	f.Add([]byte(leaversExample))
	f.Add([]byte("\ufeffuser;soak\r\na@acme.example;\"1h\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := readLeavers("leavers.csv", data, nil, now)
		if (err == nil) != (len(list) > 0) {
			t.Errorf("%d people and the error %v", len(list), err)
		}
		for _, l := range list {
			if l.line < 2 || l.request.User == "" {
				t.Errorf("somebody without a name or in the header: %+v", l)
			}
		}
	})
}
