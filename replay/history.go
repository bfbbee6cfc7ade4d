package replay

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/client"
)

// gzipped is the end of the names of compressed files.
const gzipped = ".gz"

// Load reads a history from a file as Save, the temporal command or the Web UI writes it; a name that ends in ".gz" is
// decompressed.
func Load(path string) (*historypb.History, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read a history: %w", err)
	}
	if strings.HasSuffix(path, gzipped) {
		unzip, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("decompress %s: %w", path, err)
		}
		if data, err = io.ReadAll(unzip); err != nil {
			return nil, fmt.Errorf("decompress %s: %w", path, err)
		}
	}
	h, err := client.HistoryFromJSON(bytes.NewReader(data), client.HistoryJSONOptions{})
	if err != nil {
		return nil, fmt.Errorf("read the history in %s: %w", path, err)
	}
	return h, nil
}

// Save writes a history to a file in Temporal's JSON, an event a line so that two recordings can be told apart; a name
// that ends in ".gz" is compressed. The same history gives the same bytes.
func Save(path string, h *historypb.History) error {
	data, err := Marshal(h)
	if err != nil {
		return err
	}
	if strings.HasSuffix(path, gzipped) {
		var b bytes.Buffer
		zip, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
		if err != nil {
			return fmt.Errorf("compress a history: %w", err)
		}
		_, writing := zip.Write(data)
		if err := errors.Join(writing, zip.Close()); err != nil {
			return fmt.Errorf("compress a history: %w", err)
		}
		data = b.Bytes()
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return fmt.Errorf("write a history: %w", err)
	}
	return nil
}

// Marshal is a history in Temporal's JSON, an event a line.
func Marshal(h *historypb.History) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(`{"events":[`)
	for i, e := range h.GetEvents() {
		text, err := temporalproto.CustomJSONMarshalOptions{}.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("write event %d: %w", e.GetEventId(), err)
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
		b.Write(text)
	}
	b.WriteString("\n]}\n")
	return b.Bytes(), nil
}
