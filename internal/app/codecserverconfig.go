package app

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
)

// CodecServerConfig is what the codec server is told, checked. It holds references to secrets, never their values.
type CodecServerConfig struct {
	Listen      string // address, as in "127.0.0.1:8234"
	Certificate string // files; both empty: plain HTTP, for loopback or a proxy in front
	Key         string
	Origins     []string // of the Web UI's pages, exactly as browsers send them
	Namespaces  []string // that are served; at least one
	People      []CodecPerson
	Proxy       CodecProxy
	Open        bool // nobody has to prove who they are; on loopback only
}

// CodecPerson is somebody with a bearer token.
type CodecPerson struct {
	Name  string // for the log
	Token Secret
}

// CodecProxy is an authenticating proxy in front. It says in Header who asks, and shows by SecretHeader that it is the
// proxy. It must remove both headers from what it receives. An empty Header means that there is none.
type CodecProxy struct {
	Header       string
	SecretHeader string
	Secret       Secret
}

// DefaultCodecListen is where the codec server listens if nothing is said: beside the Web UI of a development server, for
// this machine only.
const DefaultCodecListen = "127.0.0.1:8234"

// fileCodecServer is the form of the section in the file.
type fileCodecServer struct {
	Listen     string            `json:"listen"`
	TLS        fileTLS           `json:"tls"`
	Origins    []string          `json:"origins"`
	Namespaces []string          `json:"namespaces"`
	People     []fileCodecPerson `json:"people"`
	Proxy      fileCodecProxy    `json:"proxy"`
	Open       bool              `json:"open"`
}

type fileCodecPerson struct {
	Name  string `json:"name"`
	Token string `json:"token"`
}

type fileCodecProxy struct {
	Header       string `json:"header"`
	SecretHeader string `json:"secretHeader"`
	Secret       string `json:"secret"`
}

// LoadCodecServer reads the section "encryption.server" of the file that OFFBOARD_CONFIG names. The error, if any, is an
// *InvalidConfig with every problem, each with its line.
func LoadCodecServer(env func(string) string) (CodecServerConfig, error) {
	c, d, f := readEncryption(env)
	missing := ""
	switch {
	case c.File == "":
		missing = "no configuration file is named: set OFFBOARD_CONFIG to the path of one with the section encryption.server"
	case len(d.problems) > 0: // of these first
	case d.lines["encryption"] == 0:
		missing = "OFFBOARD_CONFIG names a file without the section encryption, so there is nothing to decrypt"
	case d.lines[codecSection] == 0:
		missing = "OFFBOARD_CONFIG names a file without the section encryption.server, which says who may ask"
	}
	if missing != "" {
		return CodecServerConfig{}, &InvalidConfig{Problems: []Problem{{Where: "environment", Text: missing}}}
	}
	s := c.codecServer(d, f.Server, env)
	if problems := d.sorted(); len(problems) > 0 {
		return CodecServerConfig{}, &InvalidConfig{Problems: problems}
	}
	return s, nil
}

const codecSection = "encryption.server"

// checkCodecServer checks what can be told without the secrets, which only the codec server has.
func checkCodecServer(d *document, f fileCodecServer) {
	const at = codecSection
	if d.lines[at] == 0 {
		return
	}
	host, _, err := net.SplitHostPort(cmp.Or(f.Listen, DefaultCodecListen))
	if err != nil {
		d.problem(at+".listen", "%s.listen %q is not an address like %s", at, f.Listen, DefaultCodecListen)
	}
	if (f.TLS.Certificate == "") != (f.TLS.Key == "") {
		d.problem(at+".tls", "%s.tls.certificate and %[1]s.tls.key belong together: set both or neither", at)
	}
	for i, origin := range f.Origins {
		u, err := url.Parse(origin)
		if err != nil || u.Host == "" || u.Scheme+"://"+u.Host != origin {
			where := fmt.Sprintf("%s.origins[%d]", at, i)
			d.problem(where, "%s %q is not an origin like https://temporal.acme.example: scheme and host, no path, no *", where, origin)
		}
	}
	if slices.Contains(f.Namespaces, "") {
		d.problem(at+".namespaces", "%s.namespaces has an empty name", at)
	}
	for i, p := range f.People {
		if strings.TrimSpace(p.Name) == "" {
			where := fmt.Sprintf("%s.people[%d]", at, i)
			d.problem(where, "%s has no name", where)
		}
	}
	checkCodecProxy(d, f.Proxy)
	someone := len(f.People) > 0 || f.Proxy.given()
	switch {
	case f.Open && someone:
		d.problem(at+".open", "%s.open lets anybody ask, and people or a proxy are named too: say one of them", at)
	case f.Open && !net.ParseIP(host).IsLoopback():
		d.problem(at+".open", "%s.open lets anybody ask, so %[1]s.listen must be an address of this machine only, like %s", at, DefaultCodecListen)
	case !f.Open && !someone:
		d.problem(at, "%s names nobody who may ask: people, each with a token, or a proxy that says who asks", at)
	}
}

func (p fileCodecProxy) given() bool { return p != fileCodecProxy{} }

func checkCodecProxy(d *document, p fileCodecProxy) {
	if !p.given() {
		return
	}
	const at = codecSection + ".proxy"
	for _, h := range []struct{ field, name string }{{"header", p.Header}, {"secretHeader", p.SecretHeader}} {
		if h.name == "" || strings.ContainsAny(h.name, " :\r\n\t") {
			where := at + "." + h.field
			d.problem(where, "%s %q is not the name of a header", where, h.name)
		}
	}
	if p.Header != "" && strings.EqualFold(p.Header, p.SecretHeader) {
		d.problem(at, "%s.header and %[1]s.secretHeader are the same", at)
	}
}

// codecServer makes the configuration of a codec server, and checks its secrets where they can be read without asking a
// service.
func (c *Config) codecServer(d *document, f fileCodecServer, env func(string) string) CodecServerConfig {
	secret := func(where, reference string) Secret {
		read, err := c.reference(reference, env)
		if err == nil && !strings.HasPrefix(reference, atService) {
			var value string
			if value, err = read.Read(context.Background()); err == nil {
				err = longEnough(value)
			}
		}
		if err != nil {
			d.problem(where, "%s %v", where, err)
		}
		return read
	}
	s := CodecServerConfig{Listen: cmp.Or(f.Listen, DefaultCodecListen), Certificate: f.TLS.Certificate, Key: f.TLS.Key,
		Origins: f.Origins, Namespaces: f.Namespaces, Open: f.Open}
	if len(s.Namespaces) == 0 {
		s.Namespaces = []string{defaultNamespace(env)}
	}
	for i, p := range f.People {
		where := fmt.Sprintf("%s.people[%d].token", codecSection, i)
		s.People = append(s.People, CodecPerson{Name: p.Name, Token: secret(where, p.Token)})
	}
	if f.Proxy.given() {
		s.Proxy = CodecProxy{Header: f.Proxy.Header, SecretHeader: f.Proxy.SecretHeader, Secret: secret(codecSection+".proxy.secret", f.Proxy.Secret)}
	}
	return s
}

// defaultNamespace is the one of Temporal's settings. Settings that cannot be read are said where they are used.
func defaultNamespace(env func(string) string) string {
	options, err := envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{EnvLookup: lookup(env)})
	if err != nil || options.Namespace == "" {
		return client.DefaultNamespace
	}
	return options.Namespace
}
