package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"offboard/internal/codec"
)

// Encryption says how payloads are encrypted, checked. It holds references to keys, never their values. Its zero value
// is none.
type Encryption struct {
	Keys     []EncryptionKey // the first encrypts, all decrypt
	Failures bool            // the messages and stack traces of errors too
}

// EncryptionKey is a key by the ID that payloads name it by; its value is 32 bytes in base64.
type EncryptionKey struct {
	ID  string
	Key Secret
}

// fileEncryption is the form of the section in the file.
type fileEncryption struct {
	Keys     []fileEncryptionKey `json:"keys"`
	Failures bool                `json:"failures"`
	Server   fileCodecServer     `json:"server"`
}

type fileEncryptionKey struct {
	ID  string `json:"id"`
	Key string `json:"key"`
}

// defaultEncryption is what holds where the section says nothing.
func defaultEncryption() fileEncryption { return fileEncryption{Failures: true} }

// encryptionVariable names the keys where a program has no file: "ID=REFERENCE", the first encrypts, commas between them.
const encryptionVariable = "OFFBOARD_ENCRYPTION_KEYS"

// LoadEncryption reads what a program must know of encryption, and nothing else of the configuration: the section
// "encryption" of the file that OFFBOARD_CONFIG names, or the variable OFFBOARD_ENCRYPTION_KEYS. Without both there is
// none. The error, if any, is an *InvalidConfig with every problem; a file that cannot be read is one, and so is a field
// nobody knows, because what is meant to be encrypted must not be written in the clear for a mistyped word.
func LoadEncryption(env func(string) string) (Encryption, error) {
	c, d, _ := readEncryption(env)
	if problems := d.sorted(); len(problems) > 0 {
		return Encryption{}, &InvalidConfig{Problems: problems}
	}
	return c.Encryption, nil
}

// readEncryption reads and checks the section; the problems are in the document.
func readEncryption(env func(string) string) (*Config, *document, fileEncryption) {
	c := &Config{File: env("OFFBOARD_CONFIG"), Redactor: &Redactor{}}
	if key, err := c.engineKey(env); err == nil { // for keys in Secrets Manager; what is missing is said there
		c.Key = key
	}
	c.Endpoints.IAM = env("IBMCLOUD_IAM_API_ENDPOINT")
	f := fileFields{Encryption: defaultEncryption()}
	d := newDocument(c.File)
	d.moved = dependentsMoved
	if c.File != "" {
		data, err := os.ReadFile(c.File)
		if err != nil {
			d.at(0, "cannot be read: %v", err)
			return c, d, f.Encryption
		}
		d.read(data, &f)
	}
	if len(d.problems) == 0 {
		c.encryption(d, f.Encryption, env)
	}
	return c, d, f.Encryption
}

// configuredBy is an environment that names a configuration file, for programs that were given it in another way: what
// they send must not be in the clear for that.
func configuredBy(file string, env func(string) string) func(string) string {
	return func(name string) string {
		if name == "OFFBOARD_CONFIG" {
			return file
		}
		return env(name)
	}
}

// encryption checks the section and the variable. Keys that can be read without asking a service are read.
func (c *Config) encryption(d *document, f fileEncryption, env func(string) string) {
	variable := env(encryptionVariable)
	switch given := d.lines["encryption"] > 0; {
	case given && variable != "":
		d.problem("encryption", "encryption is given here and by the environment variable %s: say it in one place", encryptionVariable)
	case given:
		c.Encryption.Failures = f.Failures
		if len(f.Keys) == 0 {
			d.problem("encryption.keys", "encryption.keys names no key: the first one encrypts, all decrypt")
		}
		for i, k := range f.Keys {
			if err := c.encryptionKey(k.ID, k.Key, env); err != nil {
				at := fmt.Sprintf("encryption.keys[%d]", i)
				d.problem(at, "%s %v", at, err)
			}
		}
		if err := c.Encryption.distinct(); err != nil {
			d.problem("encryption.keys", "encryption.keys: %v", err)
		}
		checkCodecServer(d, f.Server)
	case variable != "":
		c.Encryption.Failures = true
		for _, problem := range c.keysOfVariable(variable, env) {
			d.problems = append(d.problems, Problem{Where: "environment", Text: encryptionVariable + problem})
		}
	}
}

func (c *Config) keysOfVariable(text string, env func(string) string) (problems []string) {
	for part := range strings.SplitSeq(text, ",") {
		id, reference, found := strings.Cut(strings.TrimSpace(part), "=")
		if !found {
			// The text is not shown: it may be the key itself.
			problems = append(problems, " must be like 2026-11=file:/run/secrets/encryption-2026-11, with commas between several keys")
		} else if err := c.encryptionKey(id, reference, env); err != nil {
			problems = append(problems, fmt.Sprintf(": the key %q %v", id, err))
		}
	}
	if err := c.Encryption.distinct(); err != nil {
		problems = append(problems, fmt.Sprintf(": %v", err))
	}
	return problems
}

// encryptionKey adds a reference to a key, and reads the key unless a service must be asked.
func (c *Config) encryptionKey(id, reference string, env func(string) string) error {
	if err := codec.CheckID(id); err != nil {
		return fmt.Errorf("cannot be used: %w", err)
	}
	secret, err := c.reference(reference, env)
	if err != nil {
		return err
	}
	key := EncryptionKey{ID: id, Key: secret}
	switch {
	case !key.atService():
		if _, err := key.read(context.Background()); err != nil {
			return fmt.Errorf("cannot be used: %w", err)
		}
	case c.Key.IsZero():
		return errors.New("is in Secrets Manager, but there is no API key to read it with: set IC_API_KEY or IC_API_KEY_FILE")
	}
	c.Encryption.Keys = append(c.Encryption.Keys, key)
	return nil
}

// atService begins the references for which a service must be asked.
const atService = "secrets-manager:"

func (k EncryptionKey) atService() bool { return strings.HasPrefix(k.Key.String(), atService) }

// distinct finds keys that are given twice, among those that can be read without asking a service.
func (e Encryption) distinct() error {
	var keys []codec.Key
	for _, k := range e.Keys {
		if k.atService() {
			continue
		}
		if key, err := k.read(context.Background()); err == nil {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	_, err := codec.NewKeyset(nil, keys...)
	return err
}

func (k EncryptionKey) read(ctx context.Context) (codec.Key, error) {
	value, err := k.Key.Read(ctx)
	if err != nil {
		return codec.Key{}, err
	}
	return codec.NewKey(k.ID, value)
}

// read fetches all keys.
func (e Encryption) read(ctx context.Context) ([]codec.Key, error) {
	list := make([]codec.Key, len(e.Keys))
	var problems []error
	for i, k := range e.Keys {
		key, err := k.read(ctx)
		if err != nil {
			problems = append(problems, fmt.Errorf("encryption key %s: %w", k.ID, err))
		}
		list[i] = key
	}
	return list, errors.Join(problems...)
}
