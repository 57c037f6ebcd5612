// Package profile keeps what the command line remembers between two runs: hubs, who is signed in to them, the current
// subscription and defaults. Secrets and tokens lie in files of their own that only their owner may read. The package
// makes no calls.
package profile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

const (
	configFile      = "config.json"
	credentialsFile = "credentials.json"
	tokensFile      = "tokens.json"
	maxFile         = 4 << 20
)

// Hub is a hub that someone has signed in to. Authority is PEM; empty means the system's authorities. A person has a
// UserName, and the secret is then a refresh token; a service principal has a CertificateFile or a secret.
type Hub struct {
	URL          string `json:"url"`
	TenantID     string `json:"tenantId"`
	Audience     string `json:"audience,omitempty"`
	Authority    string `json:"authority,omitempty"`
	ClientID     string `json:"clientId"`
	Subscription string `json:"subscription,omitempty"`

	UserName        string `json:"userName,omitempty"`
	CertificateFile string `json:"certificateFile,omitempty"`
	// AuthorityFile is where Authority was read from, if it came from a file.
	AuthorityFile string `json:"authorityFile,omitempty"`
}

// Defaults stand in for flags that are not given.
type Defaults struct {
	Group    string `json:"group,omitempty"`
	Location string `json:"location,omitempty"`
}

// Config is what is not secret.
type Config struct {
	CurrentHub string         `json:"currentHub,omitempty"`
	Hubs       map[string]Hub `json:"hubs,omitempty"`
	Defaults   Defaults       `json:"defaults"`
	// Former is the hub that was signed out of last, for saying how to sign in again.
	Former *Hub `json:"formerHub,omitempty"`
}

// Profile is a folder with the files of one user.
type Profile struct {
	Dir    string
	Config Config
}

type cachedToken struct {
	Token     string    `json:"token"`
	ExpiresOn time.Time `json:"expiresOn"`
}

// Open reads the profile in dir; a folder that is not there yet is an empty profile.
func Open(dir string) (*Profile, error) {
	p := &Profile{Dir: dir}
	if err := p.read(configFile, &p.Config); err != nil {
		return nil, err
	}
	if p.Config.Hubs == nil {
		p.Config.Hubs = map[string]Hub{}
	}
	return p, nil
}

// Dir returns the folder that the environment names, or .fairlead in the user's home.
func Dir() (string, error) {
	if dir := os.Getenv("FAIRLEAD_CONFIG_DIR"); dir != "" {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fairlead.Errorf(fairlead.Invalid, "no home directory: set FAIRLEAD_CONFIG_DIR to a folder of yours: %w", err)
	}
	return filepath.Join(home, ".fairlead"), nil
}

// Current returns the hub in use, if anyone is signed in.
func (p *Profile) Current() (Hub, bool) {
	hub, ok := p.Config.Hubs[p.Config.CurrentHub]
	return hub, ok
}

// Save writes what is not secret.
func (p *Profile) Save() error { return p.write(configFile, p.Config) }

// SignIn remembers a hub with the secret of its service principal and makes it the current one.
func (p *Profile) SignIn(hub Hub, secret client.Secret) error {
	secrets, err := p.secrets()
	if err != nil {
		return err
	}
	secrets[hub.URL] = secret.Reveal()
	if err := p.write(credentialsFile, secrets); err != nil {
		return err
	}
	p.Config.Hubs[hub.URL], p.Config.CurrentHub, p.Config.Former = hub, hub.URL, nil
	return p.Save()
}

// FormerAt returns the hub at url, with all that is known of it if it was signed out of last.
func (p *Profile) FormerAt(url string) Hub {
	if p.Config.Former != nil && p.Config.Former.URL == strings.TrimSuffix(url, "/") {
		return *p.Config.Former
	}
	return Hub{URL: url}
}

// SignOut forgets a hub's secret and tokens, and who was signed in but for how they would do so again.
func (p *Profile) SignOut(url string) error {
	if err := p.forgetSecret(url); err != nil {
		return err
	}
	tokens := p.tokens()
	if _, ok := tokens[url]; ok {
		delete(tokens, url)
		if err := p.write(tokensFile, tokens); err != nil {
			return err
		}
	}
	if former, ok := p.Config.Hubs[url]; ok {
		former.Subscription = ""
		p.Config.Former = &former
	}
	delete(p.Config.Hubs, url)
	if p.Config.CurrentHub == url {
		p.Config.CurrentHub = ""
	}
	return p.Save()
}

func (p *Profile) forgetSecret(url string) error {
	secrets, err := p.secrets()
	if err != nil {
		return err
	}
	if _, ok := secrets[url]; !ok {
		return nil
	}
	delete(secrets, url)
	return p.write(credentialsFile, secrets)
}

func (p *Profile) secrets() (map[string]string, error) {
	secrets := map[string]string{}
	err := p.read(credentialsFile, &secrets)
	if secrets == nil {
		secrets = map[string]string{} // the file said null
	}
	return secrets, err
}

// tokens are those kept from earlier runs. They can be had again at any time, so a file that cannot be read,
// or is damaged, is as good as none.
func (p *Profile) tokens() map[string]cachedToken {
	tokens := map[string]cachedToken{}
	if err := p.read(tokensFile, &tokens); err != nil || tokens == nil {
		return map[string]cachedToken{}
	}
	return tokens
}

// Secret returns the secret with which the hub was signed in to.
func (p *Profile) Secret(url string) (client.Secret, error) {
	secrets, err := p.secrets()
	return client.Secret(secrets[url]), err
}

// Token returns the token kept for a hub; it may be empty or past its end.
func (p *Profile) Token(url string) client.Token {
	kept := p.tokens()[url]
	return client.Token{Value: client.Secret(kept.Token), ExpiresOn: kept.ExpiresOn}
}

// KeepToken remembers a token for the next run.
func (p *Profile) KeepToken(url string, token client.Token) error {
	tokens := p.tokens()
	tokens[url] = cachedToken{Token: token.Value.Reveal(), ExpiresOn: token.ExpiresOn}
	return p.write(tokensFile, tokens)
}

func (p *Profile) read(name string, v any) error {
	path := filepath.Join(p.Dir, name)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && info.Size() > maxFile {
		return fairlead.Errorf(fairlead.Invalid, "%s is larger than any file of this program: move it away", path)
	}
	content, err := os.ReadFile(path) //nolint:gosec // the user's own folder
	if err != nil {
		return fairlead.Errorf(fairlead.Invalid, "the settings cannot be read: %w", err)
	}
	if err := json.Unmarshal(content, v); err != nil {
		return fairlead.Errorf(fairlead.Invalid, "%s is damaged (%w): mend it, or delete it and sign in again", path, err)
	}
	return nil
}

// write replaces a file in one step, so that no reader ever sees half of it.
func (p *Profile) write(name string, v any) error {
	content, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	if err := replace(p.Dir, name, append(content, '\n')); err != nil {
		return fairlead.Errorf(fairlead.Invalid, "the settings cannot be written: %w", err)
	}
	return nil
}

func replace(dir, name string, content []byte) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(dir, "."+name+"-*") // CreateTemp makes it 0600
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), filepath.Join(dir, name))
	}
	if err != nil {
		err = errors.Join(err, os.Remove(file.Name()))
	}
	return err
}
