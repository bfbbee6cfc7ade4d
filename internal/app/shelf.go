package app

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"offboard/internal/offboard"
)

// Shelf keeps finished reports as files that only their owner can read. Its zero value keeps nothing.
type Shelf struct {
	dir    string
	signer Signer
}

// NewShelf keeps reports in a directory, which is made at the first report, sealed and signed; an empty directory keeps
// none.
func NewShelf(dir string, signer Signer) Shelf { return Shelf{dir: dir, signer: signer} }

// Keep writes NAME.json, NAME.md and NAME.html, each at once or not at all, and returns the path of the HTML file. The
// same name again replaces them. Characters that a file name should not have become "_".
func (s Shelf) Keep(ctx context.Context, name string, report offboard.Report) (string, error) {
	if s.dir == "" {
		return "", nil
	}
	fail := func(err error) (string, error) {
		return "", offboard.Errorf(offboard.Unavailable, "keep the report "+name, "%v", err)
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fail(err)
	}
	report, err := report.Sealed(Version())
	if err != nil {
		return fail(err)
	}
	if report, err = s.signer.Sign(ctx, report); err != nil {
		return fail(fmt.Errorf("sign it: %w", err))
	}
	if err := s.put(name, report); err != nil {
		return fail(err)
	}
	return s.page(name), nil
}

// kept is what stands on the shelf: as data, as text and as a page.
type kept interface {
	Markdown() string
	HTML() ([]byte, error)
}

// put writes all three; what was there under that name is replaced.
func (s Shelf) put(name string, what kept) error {
	data, err := json.MarshalIndent(what, "", "  ")
	if err != nil {
		return err
	}
	page, err := what.HTML()
	if err != nil {
		return err
	}
	base := s.base(name)
	for _, f := range []struct {
		ending string
		data   []byte
	}{{".json", append(data, '\n')}, {".md", []byte(what.Markdown())}, {".html", page}} {
		if err := WriteFile(base+f.ending, f.data); err != nil {
			return err
		}
	}
	return nil
}

func (s Shelf) base(name string) string { return filepath.Join(s.dir, fileName(name)) }

// page is where the page of that name is.
func (s Shelf) page(name string) string { return s.base(name) + ".html" }

func fileName(name string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '.', r == '@':
			return r
		}
		return '_'
	}, name)
	return strings.TrimLeft(clean, ".")
}

// WriteFile writes a file that only its owner can read, at once or not at all: a reader sees the old content or the new.
func WriteFile(path string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".writing-*") // has mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("write %s: %w", path, err)
			_ = os.Remove(f.Name()) // the failure that matters is the first
		}
	}()
	if _, err = f.Write(data); err != nil {
		_ = f.Close()
		return err
	}
	if err = f.Sync(); err != nil {
		_ = f.Close()
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
