package workflows_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// private is what a history must not hold: a key of the simulator, a token, a path of the machine that recorded it.
var private = regexp.MustCompile(`CANARY-|eyJ|Bearer |/(tmp|home|root)/`)

// A history is for everybody to read: nothing secret, nothing of the machine that recorded it, and not much of it.
func TestTheCorpusIsFitToBePublished(t *testing.T) {
	total := int64(0)
	for _, path := range corpus(t) {
		info, err := os.Stat(filepath.Join(recordings, path))
		require.NoError(t, err)
		total += info.Size()
		h := load(t, path)
		data, err := h.Marshal() // payloads are readable in it
		require.NoError(t, err)
		text := string(data)
		if sealed(path) {
			assert.NotContains(t, text, "@acme.example", path)
			continue
		}
		for _, at := range private.FindAllStringIndex(text, -1) {
			t.Errorf("%s: …%q…", path, text[max(at[0]-40, 0):min(at[0]+40, len(text))])
		}
		for _, address := range addresses(text) {
			assert.True(t, strings.HasSuffix(strings.ToLower(address), "@acme.example"), "%s: %s", path, address)
		}
	}
	assert.Less(t, total, int64(5<<20), "bytes in all")
}

// What a release has frozen stays as it is: the builds that made such runs are out there.
func TestFrozenRecordingsAreAsTheyWere(t *testing.T) {
	list, err := os.ReadFile("testdata/frozen.txt")
	if errors.Is(err, fs.ErrNotExist) {
		return // nothing is released
	}
	require.NoError(t, err)
	for line := range strings.Lines(string(list)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		data, err := os.ReadFile(filepath.Join(recordings, name))
		require.NoError(t, err, "%s: a corpus is retired as a whole, with its lines in frozen.txt (docs/versioning.md)", name)
		assert.Equal(t, sum, fmt.Sprintf("%x", sha256.Sum256(data)), "%s was recorded again, but released builds have runs like it: put the old one back", name)
	}
}

func addresses(text string) []string {
	var list []string
	inside := func(r rune) bool {
		return r == '.' || r == '-' || r == '_' || ('0' <= r && r <= '9') || ('a' <= r && r <= 'z') || ('A' <= r && r <= 'Z')
	}
	for i := strings.IndexByte(text, '@'); i >= 0; {
		from := strings.LastIndexFunc(text[:i], func(r rune) bool { return !inside(r) }) + 1
		to := i + 1
		for to < len(text) && inside(rune(text[to])) {
			to++
		}
		if from < i && strings.Contains(text[i:to], ".") {
			list = append(list, strings.TrimRight(text[from:to], "."))
		}
		next := strings.IndexByte(text[i+1:], '@')
		if next < 0 {
			break
		}
		i += 1 + next
	}
	return list
}
