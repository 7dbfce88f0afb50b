import { html } from '../html.ts'
import { csrfField, layout, type PageContext } from './layout.ts'

/**
 * The door.
 *
 * @param typed the login name of the try that failed; a password is never sent back
 */
export function signInPage(
  context: PageContext,
  typed: { login: string; failed: boolean },
  passkey: { template: string; rpId: string },
): string {
  return layout(context, {
    title: typed.failed ? 'Error: Sign in' : 'Sign in',
    width: 'narrow',
    scripts: ['passkeyForms.js'],
    main: html`
<h1>Sign in</h1>
<p class="lead">For doctors of verified hospitals. The patient decides by text message what you may open.</p>
${
  typed.failed &&
  html`<div class="errors" role="alert" tabindex="-1" autofocus>
<h2>You are not signed in</h2>
<p><a href="#login">The login name or the password is wrong.</a> Check both and try again. Who runs this system can help.</p></div>`
}
<form class="card stack" method="post" action="/sign-in/passkey" data-passkey="signIn" data-rp="${passkey.rpId}" hidden>${csrfField(context)}
<h2>With your passkey</h2>
<p class="hint">Your fingerprint, face or PIN on this computer or phone. You sign your own requests and looks.</p>
<input type="hidden" name="statement" value="" data-template="${passkey.template}"><input type="hidden" name="answer" value="">
<p class="error" role="alert" data-problem hidden></p>
<button type="submit">Sign in with a passkey</button>
</form>
<form class="card stack" method="post" action="/sign-in"><h2>With a password</h2>${csrfField(context)}
<div class="field"><label for="login">Login name</label>
<input id="login" name="login" value="${typed.login}" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="100" required></div>
<div class="field"><label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" maxlength="200" required></div>
<button type="submit" class="secondary">Sign in</button>
<p class="hint">The server then signs your requests for you, and they carry the mark “server-signed”.</p>
</form>`,
  })
}
