import { html } from '../html.ts'
import { csrfField, layout, type PageContext } from './layout.ts'

/**
 * The door.
 *
 * @param typed the login name of the try that failed; a password is never sent back
 */
export function signInPage(context: PageContext, typed: { login: string; failed: boolean }): string {
  return layout(context, {
    title: typed.failed ? 'Error: Sign in' : 'Sign in',
    width: 'narrow',
    main: html`
<h1>Sign in</h1>
<p class="lead">For doctors of verified hospitals. The patient decides by text message what you may open.</p>
${
  typed.failed &&
  html`<div class="errors" role="alert" tabindex="-1" autofocus>
<h2>You are not signed in</h2>
<p><a href="#login">The login name or the password is wrong.</a> Check both and try again. Your hospital's administrator can set a new password.</p></div>`
}
<form class="card" method="post" action="/sign-in">${csrfField(context)}
<div class="field"><label for="login">Login name</label>
<input id="login" name="login" value="${typed.login}" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="100" required></div>
<div class="field"><label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" maxlength="200" required></div>
<button type="submit">Sign in</button>
</form>`,
  })
}
