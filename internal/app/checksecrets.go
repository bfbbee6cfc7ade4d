package app

import (
	"context"
	"fmt"
	"os"
	"strings"

	"offboard/internal/door"
	"offboard/internal/notify"
)

const secretRemedy = "make the reference point to a secret this program may read"

// CheckSecrets reads every secret that the worker uses once: the engine's own first, then those of the functional IDs, of
// the encryption and of the notification channels. It shows references and names, never values.
func CheckSecrets(ctx context.Context, config Config) []Check {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	check := func(name string, s Secret) Check {
		if _, err := s.Read(ctx); err != nil {
			return Check{Name: name, Detail: err.Error(), Remedy: secretRemedy}
		}
		return Check{Name: name, OK: true, Detail: s.String()}
	}
	list := []Check{check("engine's API key", config.Key)}
	for _, f := range config.FunctionalIDs {
		list = append(list, check("API key of "+f.Email, f.Key))
	}
	for _, k := range config.Encryption.Keys {
		c := check("encryption key "+k.ID, k.Key)
		if _, err := k.read(ctx); c.OK && err != nil {
			c = Check{Name: c.Name, Detail: err.Error(), Remedy: "put 32 random bytes in base64 there; docs/encryption.md shows how to make them"}
		}
		list = append(list, c)
	}
	for _, channel := range config.Notifications.Channels {
		list = append(list, checkChannel(ctx, channel))
	}
	return list
}

// wanted is a secret by what it is for, and what it must look like; nil for anything.
type wanted struct {
	name string
	read func(context.Context) (string, error)
	form func(string) error
}

// checkWanted reads secrets that belong together.
func checkWanted(ctx context.Context, name string, secrets []wanted) Check {
	var wrong []string
	for _, s := range secrets {
		if s.read == nil {
			continue // the configuration's own check says so
		}
		value, err := s.read(ctx)
		if err == nil && s.form != nil {
			err = s.form(value)
		}
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("%s: %v", s.name, err))
		}
	}
	switch {
	case len(wrong) > 0:
		return Check{Name: name, Detail: strings.Join(wrong, "\n"), Remedy: secretRemedy}
	case len(secrets) == 0:
		return Check{Name: name, OK: true, Detail: "needs no secret"}
	}
	return Check{Name: name, OK: true, Detail: fmt.Sprintf("%d can be read", len(secrets))}
}

// checkChannel reads what a notification channel needs. It sends nothing.
func checkChannel(ctx context.Context, channel notify.Channel) Check {
	var secrets []wanted
	add := func(name string, s notify.Secret, form func(string) error) {
		if s != nil {
			secrets = append(secrets, wanted{name, s.Read, form})
		}
	}
	switch {
	case channel.Webhook != nil:
		add("its URL", channel.Webhook.URL, notify.CheckURL)
		add("its signing secret", channel.Webhook.Secret, notify.CheckSigningSecret)
	case channel.Slack != nil:
		add("its URL", channel.Slack.URL, notify.CheckURL)
	case channel.Email != nil:
		add("its password", channel.Email.Password, nil)
	}
	return checkWanted(ctx, "channel "+channel.Name, secrets)
}

// CheckDoors checks the HTTP door and the codec server where the file describes them: their sections, every secret and the
// certificates. Neither needs to run.
func CheckDoors(ctx context.Context, config Config, env func(string) string) []Check {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	lines, err := sections(config.File)
	if err != nil {
		return []Check{{Name: "configuration of the doors", Detail: err.Error(), Remedy: "let this program read the file"}}
	}
	var list []Check
	if lines["triggers"] > 0 {
		list = append(list, checkDoor(ctx, config.File, env)...)
	}
	if lines[codecSection] > 0 {
		list = append(list, checkCodec(ctx, config.File, env)...)
	}
	return list
}

// sections tells which parts a configuration file has, by their paths, and in which lines they begin.
func sections(file string) (map[string]int, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	d := newDocument(file)
	d.read(data, &fileFields{})
	return d.lines, nil
}

func checkDoor(ctx context.Context, file string, env func(string) string) []Check {
	t, err := LoadTriggers(file, env)
	if err != nil {
		return []Check{{Name: "HTTP door", Detail: err.Error(), Remedy: "correct every line above, or run this check where the door runs; docs/doors.md describes the section"}}
	}
	list := []Check{{Name: "HTTP door", OK: true, Detail: t.Listen}, checkWanted(ctx, "secrets of the HTTP door", doorSecrets(t.Door))}
	if t.Certificate != "" {
		list = append(list, checkCertificate("certificate of the HTTP door", t.Certificate, t.Key))
	}
	return list
}

func doorSecrets(c door.Config) []wanted {
	var list []wanted
	add := func(name string, form func(string) error, secrets ...door.Secret) {
		for i, s := range secrets {
			if len(secrets) > 1 {
				list = append(list, wanted{fmt.Sprintf("%s %d", name, i+1), s, form})
				continue
			}
			list = append(list, wanted{name, s, form})
		}
	}
	for _, o := range c.Operators {
		add("token of "+o.Name, longEnough, o.Token)
	}
	if c.ApprovalKey != nil {
		add("key that vouches for approvals", approvalForm, c.ApprovalKey)
	}
	for _, w := range c.Webhooks {
		add("secret of webhook "+w.Name, webhookSecret, w.Secrets...)
	}
	if c.SCIM != nil {
		add("SCIM token", longEnough, c.SCIM.Tokens...)
	}
	if c.Okta != nil {
		add("Okta's secret", longEnough, c.Okta.Secrets...)
	}
	if c.HiBob != nil {
		add("HiBob's secret", longEnough, c.HiBob.Secrets...)
		add("service user at HiBob", nil, c.HiBob.User)
		add("token for HiBob", nil, c.HiBob.Token)
	}
	if c.BambooHR != nil {
		add("BambooHR's secret", longEnough, c.BambooHR.Secrets...)
		add("API key for BambooHR", nil, c.BambooHR.Key)
	}
	return list
}

func approvalForm(value string) error {
	_, err := door.ParseApprovalKey(value)
	return err
}

func checkCodec(ctx context.Context, file string, env func(string) string) []Check {
	s, err := LoadCodecServer(configuredBy(file, env))
	if err != nil {
		return []Check{{Name: "codec server", Detail: err.Error(), Remedy: "correct every line above, or run this check where the codec server runs; docs/encryption.md describes the section"}}
	}
	var secrets []wanted
	for _, p := range s.People {
		secrets = append(secrets, wanted{"token of " + p.Name, p.Token.Read, longEnough})
	}
	if s.Proxy.Header != "" {
		secrets = append(secrets, wanted{"secret of the proxy", s.Proxy.Secret.Read, longEnough})
	}
	list := []Check{{Name: "codec server", OK: true, Detail: s.Listen}, checkWanted(ctx, "secrets of the codec server", secrets)}
	if s.Certificate != "" {
		list = append(list, checkCertificate("certificate of the codec server", s.Certificate, s.Key))
	}
	return list
}

func checkCertificate(name, certificate, key string) Check {
	if _, err := door.Certificate(certificate, key); err != nil {
		return Check{Name: name, Detail: err.Error(), Remedy: "put a certificate and the key that belongs to it where the configuration says"}
	}
	return Check{Name: name, OK: true, Detail: certificate}
}
