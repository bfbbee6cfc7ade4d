package offboard

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"strings"
)

// Seal is what a report says of itself, so that a reader can tell whether it is the one that was made: the hash of all
// it says, and a signature of that hash where the worker has a key to sign with.
type Seal struct {
	// Engine is the version of the build that sealed the report.
	Engine string `json:"engine"`
	// Hash is "sha256:" and the hash, in hexadecimal, of the report's canonical form; see Canonical.
	Hash string `json:"hash"`
	// PublicKey and Signature are "ed25519:" and base64; the signature is one of SealText(Hash). Both are empty without a
	// signing key. The key in the file proves nothing by itself: compare it with the one the engine's operator published.
	PublicKey string `json:"publicKey,omitempty"`
	Signature string `json:"signature,omitempty"`
}

// ErrNoReport is that a file is neither a report in JSON nor a page that carries one.
var ErrNoReport = errors.New("it holds no report with a seal")

// Sealed is the report with the seal of a build's version. Sealing again replaces the seal. The result reads the same
// after its way through JSON. It has no signature; whoever adds one leaves everything else as it is.
func (r Report) Sealed(engine string) (Report, error) {
	r.Seal = &Seal{Engine: engine}
	data, err := json.Marshal(r)
	if err != nil {
		return Report{}, fmt.Errorf("seal the report of %s: %w", r.Progress.WorkflowID, err)
	}
	var sealed Report
	if err := json.Unmarshal(data, &sealed); err != nil {
		return Report{}, fmt.Errorf("seal the report of %s: %w", r.Progress.WorkflowID, err)
	}
	if sealed.Seal.Hash, err = HashOf(data); err != nil {
		return Report{}, fmt.Errorf("seal the report of %s: %w", r.Progress.WorkflowID, err)
	}
	return sealed, nil
}

// Canonical is the one form of a report that is hashed: its JSON without the hash, the public key and the signature of
// its seal, with the members of each object sorted by name, no space between the tokens, and nothing escaped that JSON
// lets stand but U+2028 and U+2029. Members that this build does not know are kept, so a later build's report is hashed
// as it was there.
func Canonical(data []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var report map[string]any
	if err := d.Decode(&report); err != nil {
		return nil, fmt.Errorf("read the report: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("read the report: something follows it")
	}
	if seal, is := report["seal"].(map[string]any); is {
		for _, name := range []string{"hash", "publicKey", "signature"} {
			delete(seal, name)
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(report); err != nil {
		return nil, fmt.Errorf("write the report's canonical form: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// HashOf is the hash that the seal of a report must have. It reads the report's JSON.
func HashOf(data []byte) (string, error) {
	canonical, err := Canonical(data)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(canonical)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

// SealText is what is signed for a hash. The words before it keep a signature of anything else from being one of a report.
func SealText(hash string) []byte { return []byte("offboard report seal 1\n" + hash) }

// The data of a page stand between these marks, escaped as any text in HTML.
const (
	dataBegins = `<template id="report-data">`
	dataEnds   = `</template>`
)

// Data is the report as the page carries it: its JSON on one line, empty without a seal.
func (v page) Data() (string, error) {
	if v.Seal == nil {
		return "", nil
	}
	data, err := json.Marshal(v.report)
	return string(data), err
}

// ReadSealed reads a sealed report from a file of either kind, JSON or HTML, and returns its JSON too. It proves
// nothing. The error wraps ErrNoReport where there is none in the file.
func ReadSealed(file []byte) (report Report, data []byte, page bool, err error) {
	data = bytes.TrimSpace(file)
	if _, rest, found := strings.Cut(string(file), dataBegins); found && !bytes.HasPrefix(data, []byte("{")) {
		text, _, _ := strings.Cut(rest, dataEnds)
		data, page = []byte(html.UnescapeString(text)), true
	}
	if err := json.Unmarshal(data, &report); err != nil {
		return Report{}, nil, page, fmt.Errorf("%w: %w", ErrNoReport, err)
	}
	if report.Seal == nil || report.Version == 0 {
		return Report{}, nil, page, ErrNoReport
	}
	return report, data, page, nil
}
