package main

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// frozen is the list of recordings that a release has made unchangeable, beside the corpus: a line as sha256sum writes it
// for each. What is in it is never recorded again.
const frozen = "frozen.txt"

// freeze adds every recording of this version to the list.
func freeze(dir string, out io.Writer) (err error) {
	if err := mayRecord(dir); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", version, "*"))
	if err != nil || len(files) == 0 {
		return errors.Join(fmt.Errorf("there is nothing of %s in %s", version, dir), err)
	}
	list, err := os.OpenFile(filepath.Join(filepath.Dir(dir), frozen), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("open the list of frozen recordings: %w", err)
	}
	defer func() { err = errors.Join(err, list.Close()) }()
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("read a recording: %w", err)
		}
		name, err := filepath.Rel(dir, file)
		if err != nil {
			return fmt.Errorf("name a recording: %w", err)
		}
		fmt.Fprintf(list, "%x  %s\n", sha256.Sum256(data), filepath.ToSlash(name))
	}
	fmt.Fprintf(out, "%d recordings of %s are frozen. Raise the constant version in dev/record/main.go before the next recording.\n", len(files), version)
	return nil
}

// mayRecord tells whether this version may still be recorded.
func mayRecord(dir string) error {
	list, err := os.Open(filepath.Join(filepath.Dir(dir), frozen))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open the list of frozen recordings: %w", err)
	}
	defer list.Close()
	lines := bufio.NewScanner(list)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "/"+version+"/") {
			return fmt.Errorf("the recordings of %s are frozen, because builds with runs like them are released: raise the constant version in dev/record/main.go and record again (docs/versioning.md)", version)
		}
	}
	return lines.Err()
}
