package notify

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	htmltemplate "html/template"
	stdmail "net/mail"
	"strings"
	texttemplate "text/template"

	"github.com/wneessen/go-mail"
)

//go:embed letter.tmpl.txt
var letterText string

//go:embed letter.tmpl.html
var letterPage string

var (
	textTemplate = texttemplate.Must(texttemplate.New("letter").Parse(letterText))
	pageTemplate = htmltemplate.Must(htmltemplate.New("letter").Parse(letterPage))
)

// compose writes the mail: plain text, and the same as a page. Its Message-ID is made of the notice's ID, so that mail
// servers and programs that drop repeats know one; mails of one run refer to the same message that never was, so that
// programs show them together.
func compose(m message, from *stdmail.Address, to []*stdmail.Address) (*mail.Msg, error) {
	var text, page bytes.Buffer
	if err := textTemplate.Execute(&text, m); err != nil {
		return nil, fmt.Errorf("render the text: %w", err)
	}
	if err := pageTemplate.Execute(&page, m); err != nil {
		return nil, fmt.Errorf("render the page: %w", err)
	}
	_, domain, _ := strings.Cut(from.Address, "@")
	letter := mail.NewMsg(mail.WithNoDefaultUserAgent())
	letter.FromMailAddress(from)
	letter.ToMailAddress(to...)
	letter.Subject(m.Title)
	letter.SetDateWithValue(m.when())
	letter.SetMessageIDWithValue(hashed(m.ID) + "@" + domain)
	letter.SetGenHeaderPreformatted(mail.HeaderReferences, "<"+hashed(m.WorkflowID+" "+m.RunID)+"@"+domain+">")
	letter.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: nobody's absence is answered to it
	letter.SetGenHeader(mail.HeaderXAutoResponseSuppress, "All")
	letter.SetBodyString(mail.TypeTextPlain, text.String())
	letter.AddAlternativeString(mail.TypeTextHTML, page.String())
	return letter, nil
}

// hashed makes the left side of a Message-ID, where few characters are allowed.
func hashed(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}
